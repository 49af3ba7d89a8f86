//! Reads the members of a JSON object, and says which one is wrong and why.

use hatchery_control::Error;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::ops::RangeInclusive;

/// An object's members that have not been read yet.
pub struct Fields {
    path: String,
    members: Map<String, Value>,
}

impl Fields {
    /// The object in the only member `key` of a body.
    pub fn of_body(body: Value, key: &str) -> Result<Self, Error> {
        let mut outer = Self::of("", body)?;
        let inner = outer.required_object(key)?;
        if let Some(other) = outer.members.keys().next() {
            return Err(Error::Invalid(format!(
                "Additional properties are not allowed ('{other}' was unexpected)"
            )));
        }
        Ok(inner)
    }

    /// The object itself, known to the user by this path.
    pub fn of(path: &str, value: Value) -> Result<Self, Error> {
        without_nul(&value)?;
        match value {
            Value::Object(members) => Ok(Self { path: path.to_owned(), members }),
            other => Err(wrong(path, &other, "object")),
        }
    }

    /// Whether no member is left.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// Whether there is such a member.
    pub fn has(&self, name: &str) -> bool {
        self.members.contains_key(name)
    }

    /// Takes a member as it is.
    pub fn take(&mut self, name: &str) -> Option<Value> {
        self.members.remove(name)
    }

    /// Text, if the member is there.
    pub fn text(&mut self, name: &str) -> Result<Option<String>, Error> {
        match self.members.remove(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(other) => Err(wrong(&self.path_of(name), &other, "string")),
        }
    }

    /// Text that must be there.
    pub fn required_text(&mut self, name: &str) -> Result<String, Error> {
        self.text(name)?.ok_or_else(|| self.missing(name))
    }

    /// Text or null, if the member is there: `Some(None)` is null.
    pub fn nullable_text(&mut self, name: &str) -> Result<Option<Option<String>>, Error> {
        if self.members.get(name).is_some_and(Value::is_null) {
            self.members.remove(name);
            return Ok(Some(None));
        }
        Ok(self.text(name)?.map(Some))
    }

    /// A name, if the member is there: so many characters, not all of them blank. Blanks around it are dropped.
    pub fn name(
        &mut self,
        name: &str,
        length: RangeInclusive<usize>,
    ) -> Result<Option<String>, Error> {
        let Some(text) = self.text(name)? else {
            return Ok(None);
        };
        let path = self.path_of(name);
        let characters = text.chars().count();
        if !length.contains(&characters) {
            let (least, most) = length.into_inner();
            return Err(Error::Invalid(format!(
                "Invalid input for field '{path}': it must have {least} to {most} characters, not {characters}."
            )));
        }
        match text.trim() {
            "" => Err(Error::Invalid(format!(
                "Invalid input for field '{path}': it must not be blank."
            ))),
            trimmed => Ok(Some(trimmed.to_owned())),
        }
    }

    /// A name that must be there.
    pub fn required_name(
        &mut self,
        name: &str,
        length: RangeInclusive<usize>,
    ) -> Result<String, Error> {
        self.name(name, length)?.ok_or_else(|| self.missing(name))
    }

    /// An id as Keystone forms them or null, if the member is there.
    pub fn nullable_id(&mut self, name: &str) -> Result<Option<Option<String>>, Error> {
        let text = self.nullable_text(name)?;
        if let Some(Some(id)) = &text {
            let formed = |c: char| c.is_ascii_alphanumeric() || c == '-';
            if id.is_empty() || id.len() > 64 || !id.chars().all(formed) {
                return Err(Error::Invalid(format!(
                    "Invalid input for field '{}': '{id}' is not an id of 1 to 64 letters, digits and hyphens.",
                    self.path_of(name)
                )));
            }
        }
        Ok(text)
    }

    /// A truth value in JSON or in one of Keystone's spellings, if the member is there and not null.
    pub fn boolean(&mut self, name: &str) -> Result<Option<bool>, Error> {
        match self.members.remove(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Bool(value)) => Ok(Some(value)),
            Some(other) => other
                .as_str()
                .and_then(truth)
                .map(Some)
                .ok_or_else(|| wrong(&self.path_of(name), &other, "boolean")),
        }
    }

    /// A list of text, if the member is there.
    pub fn texts(&mut self, name: &str) -> Result<Option<Vec<String>>, Error> {
        let path = self.path_of(name);
        match self.members.remove(name) {
            None => Ok(None),
            Some(Value::Array(items)) => items
                .into_iter()
                .map(|item| match item {
                    Value::String(text) => Ok(text),
                    other => Err(wrong(&path, &other, "string")),
                })
                .collect::<Result<_, _>>()
                .map(Some),
            Some(other) => Err(wrong(&path, &other, "array")),
        }
    }

    /// An object, if the member is there.
    pub fn object(&mut self, name: &str) -> Result<Option<Self>, Error> {
        let path = self.path_of(name);
        self.members.remove(name).map(|value| Self::of(&path, value)).transpose()
    }

    /// An object that must be there.
    pub fn required_object(&mut self, name: &str) -> Result<Self, Error> {
        self.object(name)?.ok_or_else(|| self.missing(name))
    }

    /// What has not been read and is not `ours` to say.
    pub fn extra(self, ours: &[&str]) -> BTreeMap<String, Value> {
        self.members.into_iter().filter(|(name, _)| !ours.contains(&name.as_str())).collect()
    }

    /// That a member is missing.
    pub fn missing(&self, name: &str) -> Error {
        let place = match self.path.as_str() {
            "" => "the request body",
            path => path,
        };
        Error::Invalid(format!("Invalid input: '{name}' is a required property of {place}."))
    }

    fn path_of(&self, name: &str) -> String {
        match self.path.as_str() {
            "" => name.to_owned(),
            path => format!("{path}/{name}"),
        }
    }
}

/// Keystone's spellings of truth in text.
pub fn truth(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" | "y" | "yes" | "on" => Some(true),
        "false" | "0" | "n" | "no" | "off" => Some(false),
        _ => None,
    }
}

fn wrong(path: &str, value: &Value, wanted: &str) -> Error {
    let found = match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    };
    match path {
        "" => Error::Invalid(format!(
            "Invalid input: the request body must be of type '{wanted}', not {found}."
        )),
        path => Error::Invalid(format!(
            "Invalid input for field '{path}': it must be of type '{wanted}', not {found}."
        )),
    }
}

/// Text with a NUL character cannot be kept by every database.
fn without_nul(value: &Value) -> Result<(), Error> {
    let holds_nul = match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(items) => return items.iter().try_for_each(without_nul),
        Value::Object(members) => {
            members.values().try_for_each(without_nul)?;
            members.keys().any(|key| key.contains('\0'))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    };
    if holds_nul {
        return Err(Error::Invalid("Invalid input: text must not hold NUL characters.".into()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::Fields;
    use serde_json::json;

    #[test]
    fn each_refusal_names_its_field() {
        let text = |error: hatchery_control::Error| error.to_string();
        let body = |value| Fields::of_body(value, "user").map(|_| ()).map_err(text);
        insta::assert_snapshot!(body(json!([])).unwrap_err(), @"Invalid input: the request body must be of type 'object', not an array.");
        insta::assert_snapshot!(body(json!({})).unwrap_err(), @"Invalid input: 'user' is a required property of the request body.");
        insta::assert_snapshot!(body(json!({"user": 1})).unwrap_err(), @"Invalid input for field 'user': it must be of type 'object', not a number.");
        insta::assert_snapshot!(body(json!({"user": {}, "x": 1})).unwrap_err(), @"Additional properties are not allowed ('x' was unexpected)");
        insta::assert_snapshot!(body(json!({"user": {"a": ["\0"]}})).unwrap_err(), @"Invalid input: text must not hold NUL characters.");
        let mut fields = Fields::of_body(
            json!({"user": {"name": " ", "enabled": "maybe", "domain_id": "a/b", "tags": [1], "email": null, "on": "True"}}),
            "user",
        )
        .unwrap();
        insta::assert_snapshot!(text(fields.name("name", 1..=5).unwrap_err()), @"Invalid input for field 'user/name': it must not be blank.");
        insta::assert_snapshot!(text(fields.boolean("enabled").unwrap_err()), @"Invalid input for field 'user/enabled': it must be of type 'boolean', not a string.");
        insta::assert_snapshot!(text(fields.nullable_id("domain_id").unwrap_err()), @"Invalid input for field 'user/domain_id': 'a/b' is not an id of 1 to 64 letters, digits and hyphens.");
        insta::assert_snapshot!(text(fields.texts("tags").unwrap_err()), @"Invalid input for field 'user/tags': it must be of type 'string', not a number.");
        assert_eq!(fields.nullable_text("email").unwrap(), Some(None));
        assert_eq!(fields.boolean("on").unwrap(), Some(true));
        assert!(fields.is_empty());
    }
}
