//! Fields of bodies, in the spellings that Nova takes.

use super::microversion::Microversion;
use hatchery_control::Error;
use serde::Deserialize;
use serde::de::{Deserializer, Error as _};
use serde_json::Value;

/// Characters of a name or a description at the most.
const MAX_TEXT: usize = 255;
/// Characters of a host name without dots at the most.
const MAX_LABEL: usize = 63;

/// For a field that may be absent and not null. Use with `#[serde(default)]`.
pub fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    from: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(from).map(Some)
}

/// A boolean that may be absent, in one of its spellings.
pub fn flexible_bool<'de, D: Deserializer<'de>>(from: D) -> Result<Option<bool>, D::Error> {
    let given = Value::deserialize(from)?;
    match given.as_bool().or_else(|| bool_of(given.as_str()?)) {
        Some(value) => Ok(Some(value)),
        None => Err(D::Error::custom(format!("{given} is not a boolean"))),
    }
}

/// Nova's spellings of a boolean.
pub fn bool_of(text: &str) -> Option<bool> {
    match text {
        "True" | "TRUE" | "true" | "1" | "ON" | "On" | "on" | "YES" | "Yes" | "yes" => Some(true),
        "False" | "FALSE" | "false" | "0" | "OFF" | "Off" | "off" | "NO" | "No" | "no" => {
            Some(false)
        }
        _ => None,
    }
}

/// Nova takes numbers where it wants ids of flavors.
pub fn text_or_number<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    match Value::deserialize(from)? {
        Value::String(text) => Ok(text),
        Value::Number(number) => Ok(number.to_string()),
        other => Err(D::Error::custom(format!("{other} is neither a text nor a number"))),
    }
}

/// A count of at least 1 that may be absent, as number or as digits.
pub fn count<'de, D: Deserializer<'de>>(from: D) -> Result<Option<u32>, D::Error> {
    let text = text_or_number(from)?;
    match text.parse() {
        Ok(number) if number > 0 => Ok(Some(number)),
        _ => Err(D::Error::custom(format!("'{text}' is not a count of at least 1"))),
    }
}

/// `AUTO` or `MANUAL`: disks are never partitioned here, so that nothing is kept of it.
pub fn disk_config<'de, D: Deserializer<'de>>(from: D) -> Result<(), D::Error> {
    match String::deserialize(from)?.as_str() {
        "AUTO" | "MANUAL" => Ok(()),
        other => Err(D::Error::custom(format!("'{other}' is not one of ['AUTO', 'MANUAL']"))),
    }
}

/// A name as Nova takes it: 1 to 255 characters that can be printed, no space at the ends.
pub fn name(field: &str, text: &str) -> Result<(), Error> {
    let printable = !text.chars().any(char::is_control);
    if (1..=MAX_TEXT).contains(&text.chars().count()) && printable && text.trim() == text {
        return Ok(());
    }
    Err(Error::Invalid(format!(
        "Invalid input for field/attribute {field}. Value: {text}. 1 to {MAX_TEXT} printable characters are wanted, without white space at the ends."
    )))
}

/// A description as Nova takes it: at most 255 characters that can be printed.
pub fn description(text: &str) -> Result<(), Error> {
    if text.chars().count() <= MAX_TEXT && !text.chars().any(char::is_control) {
        return Ok(());
    }
    Err(Error::Invalid(format!(
        "Invalid input for field/attribute description. At most {MAX_TEXT} printable characters are wanted, on one line."
    )))
}

/// A host name: one label (2.90), or several with dots (2.94).
pub fn hostname(text: &str, version: Microversion) -> Result<(), Error> {
    let dashes = |c: char| c.is_ascii_alphanumeric() || c == '-';
    let fits = if version.0 >= 94 {
        (1..=MAX_TEXT).contains(&text.len())
            && text.chars().all(|c| dashes(c) || c == '.' || c == '_')
    } else {
        (2..=MAX_LABEL).contains(&text.len())
            && text.chars().all(dashes)
            && !text.starts_with('-')
            && !text.ends_with('-')
    };
    if fits {
        return Ok(());
    }
    Err(Error::Invalid(format!(
        "Invalid input for field/attribute hostname. Value: {text}. Letters, digits and inner dashes are wanted, with dots between labels since microversion 2.94."
    )))
}

/// Refuses a field that came with a later microversion.
pub fn too_new(
    version: Microversion,
    field: &str,
    first: u32,
    is_given: bool,
) -> Result<(), Error> {
    if is_given && version.0 < first {
        return Err(Error::Invalid(format!(
            "Additional properties are not allowed ('{field}' was unexpected; it needs microversion 2.{first})"
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{description, hostname, name};
    use crate::compute::microversion::Microversion;

    #[test]
    fn texts_have_lengths_and_letters() {
        for good in ["a", "Web 1", "日本", &"x".repeat(255)] {
            assert!(name("name", good).is_ok(), "{good}");
        }
        for bad in ["", " a", "a ", "a\nb", &"x".repeat(256)] {
            assert!(name("name", bad).is_err(), "{bad}");
        }
        assert!(description("").is_ok());
        assert!(description("two\nlines").is_err());
    }

    #[test]
    fn dots_came_to_host_names_with_2_94() {
        let (old, new) = (Microversion(90), Microversion(94));
        for (text, in_old, in_new) in [
            ("web-1", true, true),
            ("web.example.org", false, true),
            ("-web", false, true),
            ("w", false, true),
            ("grün", false, false),
            ("", false, false),
        ] {
            assert_eq!(hostname(text, old).is_ok(), in_old, "{text}");
            assert_eq!(hostname(text, new).is_ok(), in_new, "{text}");
        }
    }
}
