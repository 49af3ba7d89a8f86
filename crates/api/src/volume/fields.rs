//! Fields of bodies, in the spellings that Cinder takes.

use hatchery_control::Error;
use serde::Deserialize;
use serde::de::{Deserializer, Error as _};
use serde_json::Value;
use std::collections::BTreeMap;

/// Characters of a name, a description, a key or a value at the most.
pub const MAX_TEXT: usize = 255;
/// Largest number that Cinder's columns hold.
pub const MAX_INT: i64 = 0x7FFF_FFFF;

/// Cinder's spellings of a boolean.
pub fn bool_of(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" | "t" | "on" | "y" | "yes" => Some(true),
        "false" | "0" | "f" | "off" | "n" | "no" => Some(false),
        _ => None,
    }
}

/// A boolean that may be absent, in one of its spellings. Use with `#[serde(default)]`.
pub fn flexible_bool<'de, D: Deserializer<'de>>(from: D) -> Result<Option<bool>, D::Error> {
    let given = Value::deserialize(from)?;
    match given.as_bool().or_else(|| bool_of(given.as_str()?)) {
        Some(value) => Ok(Some(value)),
        None => Err(D::Error::custom(format!("{given} is not a boolean"))),
    }
}

/// For a field that may be absent and, if it is there, null. Use with `#[serde(default)]`.
pub fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    from: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::<T>::deserialize(from).map(Some)
}

/// A text that is not too long.
pub fn short(field: &str, text: &str) -> Result<(), Error> {
    if text.chars().count() <= MAX_TEXT {
        return Ok(());
    }
    Err(Error::Invalid(format!(
        "Invalid input for field/attribute {field}: it has more than {MAX_TEXT} characters."
    )))
}

/// A name that is not empty.
pub fn name(field: &str, text: &str) -> Result<(), Error> {
    if text.trim().is_empty() {
        return Err(Error::Invalid(format!(
            "Invalid input for field/attribute {field}. Value: {text}. It can not be empty."
        )));
    }
    short(field, text)
}

/// Pairs as metadata and extra specs have them: letters, digits and a few signs in the keys, short values.
pub fn pairs(field: &str, given: &BTreeMap<String, String>) -> Result<(), Error> {
    let sign = |c: char| c.is_ascii_alphanumeric() || "-_:. /".contains(c);
    for (key, value) in given {
        if key.is_empty() || key.len() > MAX_TEXT || !key.chars().all(sign) {
            return Err(Error::Invalid(format!(
                "Invalid input for field/attribute {field}: the key '{key}' must be 1 to {MAX_TEXT} letters, digits, spaces or signs of -_:./"
            )));
        }
        short(field, value)?;
    }
    Ok(())
}

/// An id in a path; what is no id is not found.
pub fn id_of<T: std::str::FromStr>(kind: &'static str, text: &str) -> Result<T, Error> {
    text.parse().map_err(|_| Error::not_found(kind, text))
}

/// A whole number, as number or digits, within limits.
pub fn whole(field: &str, value: &Value, least: i64) -> Result<i64, Error> {
    let number = match value {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    number.filter(|number| (least..=MAX_INT).contains(number)).ok_or_else(|| {
        Error::Invalid(format!(
            "Invalid input for field/attribute {field}. Value: {value}. A whole number from {least} to {MAX_INT} is wanted."
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::{name, pairs, whole};
    use serde_json::json;

    #[test]
    fn texts_and_numbers_have_bounds() {
        assert!(name("name", &"x".repeat(255)).is_ok());
        for bad in ["", " ", &"x".repeat(256)] {
            assert!(name("name", bad).is_err(), "{bad}");
        }
        let pair = |key: &str, value: &str| pairs("m", &[(key.into(), value.into())].into());
        assert!(pair("capabilities:a b", "<is> True").is_ok());
        assert!(pair("", "x").is_err());
        assert!(pair("ü", "x").is_err());
        assert!(pair("k", &"x".repeat(256)).is_err());
        assert_eq!(whole("n", &json!("7"), 1).ok(), Some(7));
        assert_eq!(whole("n", &json!(-1), -1).ok(), Some(-1));
        for bad in [json!(0), json!(1.5), json!("x"), json!(null), json!(1u64 << 40)] {
            assert!(whole("n", &bad, 1).is_err(), "{bad}");
        }
    }
}
