//! Reads the attributes of a body one by one; what nobody has asked for is refused in the end.

use super::fault::{Fault, invalid};
use hatchery_model::id::ProjectId;
use ipnet::IpNet;
use serde_json::{Map, Value};
use std::net::IpAddr;
use std::str::FromStr;

const LONGEST: usize = 255;

/// The attributes of one thing.
pub struct Fields(Map<String, Value>);

/// The things of a body: `{"port": {…}}`, or `{"ports": [{…}, …]}` and then `true`.
pub fn things(body: Value, one: &str, many: &str) -> Result<(Vec<Fields>, bool), Fault> {
    let Value::Object(mut body) = body else {
        return Err(invalid(format!("Unable to find '{one}' in request body")));
    };
    match (body.remove(one), body.remove(many)) {
        (Some(thing), None) => Ok((vec![fields(one, thing)?], false)),
        (None, Some(Value::Array(things))) if !things.is_empty() => {
            let things = things.into_iter().map(|thing| fields(one, thing));
            Ok((things.collect::<Result<_, _>>()?, true))
        }
        (None, Some(_)) => Err(invalid(format!("Resources required: '{many}' is a list."))),
        _ => Err(invalid(format!("Unable to find '{one}' in request body"))),
    }
}

/// The one thing of a body.
pub fn thing(body: Value, one: &str) -> Result<Fields, Fault> {
    match things(body, one, "")? {
        (mut things, false) if things.len() == 1 => Ok(things.remove(0)),
        _ => Err(invalid(format!("Unable to find '{one}' in request body"))),
    }
}

fn fields(one: &str, thing: Value) -> Result<Fields, Fault> {
    match thing {
        Value::Object(fields) => Ok(Fields(fields)),
        _ => Err(invalid(format!("'{one}' is not an object"))),
    }
}

/// A 400 that names the attribute.
pub fn wrong(key: &str, reason: impl std::fmt::Display) -> Fault {
    invalid(format!("Invalid input for {key}. Reason: {reason}."))
}

impl Fields {
    /// Takes an attribute out.
    pub fn take(&mut self, key: &str) -> Option<Value> {
        self.0.remove(key)
    }

    /// A text of 255 characters at the most.
    pub fn text(&mut self, key: &str) -> Result<Option<String>, Fault> {
        match self.take(key) {
            None => Ok(None),
            Some(Value::String(text)) => {
                if text.chars().count() > LONGEST {
                    Err(wrong(key, format!("it exceeds maximum length of {LONGEST}")))
                } else if text.contains('\0') {
                    Err(wrong(key, "it has a NUL character"))
                } else {
                    Ok(Some(text))
                }
            }
            Some(other) => Err(wrong(key, format!("'{other}' is not a valid string"))),
        }
    }

    /// True or false, in any of Neutron's spellings.
    pub fn flag(&mut self, key: &str) -> Result<Option<bool>, Fault> {
        let Some(value) = self.take(key) else {
            return Ok(None);
        };
        let word = match &value {
            Value::Bool(flag) => return Ok(Some(*flag)),
            Value::String(word) => word.to_ascii_lowercase(),
            other => other.to_string(),
        };
        match word.as_str() {
            "true" | "1" => Ok(Some(true)),
            "false" | "0" => Ok(Some(false)),
            _ => Err(wrong(key, format!("'{word}' cannot be converted to boolean"))),
        }
    }

    /// A whole number, also as text.
    pub fn number(&mut self, key: &str) -> Result<Option<u32>, Fault> {
        let Some(value) = self.take(key) else {
            return Ok(None);
        };
        let number = match &value {
            Value::Number(number) => number.as_u64().and_then(|number| number.try_into().ok()),
            Value::String(text) => text.parse().ok(),
            _ => None,
        };
        let number = number.ok_or_else(|| wrong(key, format!("'{value}' is not an integer")))?;
        Ok(Some(number))
    }

    /// A UUID, address, or whatever else can be read from text.
    pub fn parsed<T: FromStr>(&mut self, key: &str, what: &str) -> Result<Option<T>, Fault> {
        match self.take(key) {
            None => Ok(None),
            Some(value) => parsed(key, &value, what).map(Some),
        }
    }

    /// As [`Self::parsed`], and an error when it is not there.
    pub fn required<T: FromStr>(&mut self, key: &str, what: &str) -> Result<T, Fault> {
        self.parsed(key, what)?.ok_or_else(|| {
            invalid(format!("Failed to parse request. Required attribute '{key}' not specified"))
        })
    }

    /// A list; null counts as an empty one.
    pub fn list(&mut self, key: &str) -> Result<Option<Vec<Value>>, Fault> {
        match self.take(key) {
            None => Ok(None),
            Some(Value::Null) => Ok(Some(Vec::new())),
            Some(Value::Array(list)) => Ok(Some(list)),
            Some(other) => Err(wrong(key, format!("'{other}' is not a list"))),
        }
    }

    /// The owner, by its new or its old name.
    pub fn project(&mut self) -> Result<Option<ProjectId>, Fault> {
        let (new, old) = (self.text("project_id")?, self.text("tenant_id")?);
        match (new, old) {
            (Some(new), Some(old)) if new != old => {
                Err(invalid("'project_id' and 'tenant_id' do not match; give one of them."))
            }
            (Some(project), _) | (None, Some(project)) => Ok(Some(ProjectId(project))),
            (None, None) => Ok(None),
        }
    }

    /// Takes attributes that are only accepted when they say nothing: what they stand for is not there.
    pub fn accept_idle(&mut self, keys: &[&str]) -> Result<(), Fault> {
        for key in keys {
            let says_something = match self.take(key) {
                None | Some(Value::Null | Value::Bool(false)) => false,
                Some(Value::String(text)) => !text.is_empty(),
                Some(Value::Array(list)) => !list.is_empty(),
                Some(Value::Object(map)) => !map.is_empty(),
                Some(Value::Bool(true) | Value::Number(_)) => true,
            };
            if says_something {
                return Err(wrong(key, "this deployment does not support it"));
            }
        }
        Ok(())
    }

    /// Refuses what has not been taken.
    pub fn finish(self) -> Result<(), Fault> {
        let keys: Vec<&str> = self.0.keys().map(String::as_str).collect();
        if keys.is_empty() {
            Ok(())
        } else {
            Err(invalid(format!("Unrecognized attribute(s) '{}'", keys.join(", "))))
        }
    }
}

/// Reads one value from text.
pub fn parsed<T: FromStr>(key: &str, value: &Value, what: &str) -> Result<T, Fault> {
    let read = value.as_str().and_then(|text| text.trim().parse().ok());
    read.ok_or_else(|| wrong(key, format!("{value} is not {what}")))
}

/// A member of an object in a list.
pub fn member<T: FromStr>(
    key: &str,
    object: &Value,
    name: &str,
    what: &str,
) -> Result<Option<T>, Fault> {
    match object {
        Value::Object(map) => map.get(name).map(|value| parsed(key, value, what)).transpose(),
        other => Err(wrong(key, format!("{other} is not an object"))),
    }
}

/// A network in CIDR notation; a plain address is not one.
pub fn cidr(key: &str, value: &Value) -> Result<IpNet, Fault> {
    parsed(key, value, "a valid IP subnet like 192.0.2.0/24")
}

/// An address.
pub fn address(key: &str, value: &Value) -> Result<IpAddr, Fault> {
    parsed(key, value, "a valid IP address")
}
