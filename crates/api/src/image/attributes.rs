//! What a user may set on an image: names, types and lengths, as Glance's schema has them.

use super::fault::{Fault, denied, invalid};
use super::view::visibility_of;
use hatchery_control::image::{Change, Presence};
use hatchery_model::id::ProjectId;
use serde_json::Value;
use std::collections::BTreeSet;
use std::str::FromStr;

/// Set by the service alone.
const READ_ONLY: [&str; 15] = [
    "created_at",
    "updated_at",
    "status",
    "checksum",
    "size",
    "virtual_size",
    "direct_url",
    "self",
    "file",
    "schema",
    "stores",
    "id",
    "os_hash_algo",
    "os_hash_value",
    "locations",
];
const RESERVED: [&str; 3] = ["location", "deleted", "deleted_at"];
const RESERVED_PREFIX: &str = "os_glance";
const BASE: [&str; 10] = [
    "name",
    "owner",
    "visibility",
    "protected",
    "os_hidden",
    "disk_format",
    "container_format",
    "min_disk",
    "min_ram",
    "tags",
];
const LONGEST: usize = 255;
const LARGEST: u64 = i32::MAX as u64;

/// The change that sets `key` to `value`. `presence` says whether a free property has to be there already.
pub fn set(key: &str, value: &Value, presence: Presence) -> Result<Change, Fault> {
    writable(key)?;
    Ok(match key {
        "name" => Change::Name(maybe(value).map(|v| text(key, v)).transpose()?),
        "owner" => Change::Owner(ProjectId(text(key, value)?)),
        "visibility" => {
            let word = text(key, value)?;
            let known = visibility_of(&word);
            Change::Visibility(known.ok_or_else(|| not_one_of(key, value))?)
        }
        "protected" => Change::Protected(flag(key, value)?),
        "os_hidden" => Change::Hidden(flag(key, value)?),
        "disk_format" => Change::DiskFormat(maybe(value).map(|v| word(key, v)).transpose()?),
        "container_format" => {
            Change::ContainerFormat(maybe(value).map(|v| word(key, v)).transpose()?)
        }
        "min_disk" => Change::MinDiskGib(number(key, value)?),
        "min_ram" => Change::MinRamMib(number(key, value)?),
        "tags" => Change::Tags(tags(value)?),
        property => {
            if property.is_empty() || property.chars().count() > LONGEST {
                return Err(invalid(format!("A property's name has 1 to {LONGEST} characters.")));
            }
            let value = match value {
                Value::String(value) => plain(key, value)?.to_owned(),
                _ => return Err(wrong(key, value, "a text")),
            };
            Change::SetProperty(plain(key, property)?.to_owned(), value, presence)
        }
    })
}

/// The change that removes a free property.
pub fn remove(key: &str) -> Result<Change, Fault> {
    writable(key)?;
    if BASE.contains(&key) {
        return Err(denied(format!("Property {key} may not be removed.")));
    }
    Ok(Change::RemoveProperty(key.to_owned()))
}

/// Whether the key names a base attribute.
pub fn is_base(key: &str) -> bool {
    BASE.contains(&key)
}

/// A tag that can be put on an image.
pub fn tag(value: &str) -> Result<String, Fault> {
    if value.chars().count() > LONGEST {
        return Err(invalid(format!("A tag has {LONGEST} characters at the most.")));
    }
    Ok(plain("tags", value)?.to_owned())
}

fn writable(key: &str) -> Result<(), Fault> {
    if READ_ONLY.contains(&key) {
        Err(denied(format!("Attribute '{key}' is read-only.")))
    } else if RESERVED.contains(&key) || key.starts_with(RESERVED_PREFIX) {
        Err(denied(format!("Attribute '{key}' is reserved.")))
    } else {
        Ok(())
    }
}

fn maybe(value: &Value) -> Option<&Value> {
    Some(value).filter(|value| !value.is_null())
}

fn text(key: &str, value: &Value) -> Result<String, Fault> {
    match value {
        Value::String(text) if text.chars().count() <= LONGEST => Ok(plain(key, text)?.to_owned()),
        _ => Err(wrong(key, value, &format!("a text of {LONGEST} characters at the most"))),
    }
}

/// NUL cannot be stored by every database.
fn plain<'a>(key: &str, text: &'a str) -> Result<&'a str, Fault> {
    if text.contains('\0') {
        return Err(invalid(format!("{key}: a text without NUL is wanted.")));
    }
    Ok(text)
}

fn word<T: FromStr>(key: &str, value: &Value) -> Result<T, Fault> {
    text(key, value)?.parse().map_err(|_| not_one_of(key, value))
}

fn not_one_of(key: &str, value: &Value) -> Fault {
    wrong(key, value, "one of the values that /v2/schemas/image lists")
}

fn flag(key: &str, value: &Value) -> Result<bool, Fault> {
    value.as_bool().ok_or_else(|| wrong(key, value, "true or false"))
}

fn number(key: &str, value: &Value) -> Result<u64, Fault> {
    value
        .as_u64()
        .filter(|number| *number <= LARGEST)
        .ok_or_else(|| wrong(key, value, &format!("a whole number from 0 to {LARGEST}")))
}

fn tags(value: &Value) -> Result<BTreeSet<String>, Fault> {
    let list = value.as_array().ok_or_else(|| wrong("tags", value, "a list of texts"))?;
    list.iter()
        .map(|one| match one {
            Value::String(one) => tag(one),
            _ => Err(wrong("tags", one, "a text")),
        })
        .collect()
}

fn wrong(key: &str, value: &Value, wanted: &str) -> Fault {
    let mut shown = value.to_string();
    if shown.chars().count() > 80 {
        shown = shown.chars().take(80).collect::<String>() + "...";
    }
    invalid(format!(
        "Provided object does not match schema 'image': {key} is {shown}, and {wanted} is wanted."
    ))
}
