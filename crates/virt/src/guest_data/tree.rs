//! The metadata service's paths, from a guest's specification alone. Pure.

use super::documents::{self, LATEST};
use super::ec2;
use hatchery_model::compute::GuestSpec;
use serde_json::{Map, Value};

/// What stands at a path.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Found {
    /// A value, or a folder's listing.
    Text(String),
    /// A document.
    Json(String),
    /// The user's data, as given.
    Bytes(Vec<u8>),
}

/// What stands at a path; `None` for nothing. Slashes at the end and doubled ones do not count.
pub(crate) fn look_up(guest: &GuestSpec, path: &str) -> Option<Found> {
    let steps: Vec<&str> = path.split('/').filter(|step| !step.is_empty()).collect();
    match *steps.as_slice() {
        [] => Some(listing(&ec2::VERSIONS)),
        ["openstack"] => Some(listing(&documents::VERSIONS)),
        ["openstack", version, ref rest @ ..] => openstack(guest, version, rest),
        [version, ref rest @ ..] => amazon(guest, version, rest),
    }
}

fn listing(versions: &[&str]) -> Found {
    let names: Vec<_> = versions.iter().copied().chain([LATEST]).collect();
    Found::Text(names.join("\n"))
}

fn openstack(guest: &GuestSpec, version: &str, rest: &[&str]) -> Option<Found> {
    let files = documents::all(guest, version)?;
    match rest {
        [] => {
            let names: Vec<_> = files.iter().map(|(name, _)| *name).collect();
            Some(Found::Text(names.join("\n")))
        }
        [wanted] => {
            let (name, bytes) = files.into_iter().find(|(name, _)| name == wanted)?;
            Some(match String::from_utf8(bytes) {
                Ok(text) if name.ends_with(".json") => Found::Json(text),
                Ok(text) if name == "password" => Found::Text(text),
                Ok(text) => Found::Bytes(text.into_bytes()),
                Err(error) => Found::Bytes(error.into_bytes()),
            })
        }
        _ => None,
    }
}

fn amazon(guest: &GuestSpec, version: &str, rest: &[&str]) -> Option<Found> {
    let root = ec2::tree(guest, version)?;
    if rest == ["user-data"] {
        return documents::user_data(guest).map(Found::Bytes);
    }
    let mut folder = &root;
    for (index, step) in rest.iter().enumerate() {
        match folder.get(*step).filter(|_| *step != ec2::LISTED_AS)? {
            Value::Object(next) => folder = next,
            Value::String(text) if index + 1 == rest.len() => {
                return Some(Found::Text(text.clone()));
            }
            _ => return None,
        }
    }
    Some(Found::Text(list(folder)))
}

/// A folder's listing: folders end in a slash, or show the name that they have instead.
fn list(folder: &Map<String, Value>) -> String {
    let line = |(name, value): (&String, &Value)| match value {
        Value::Object(inner) => match inner.get(ec2::LISTED_AS).and_then(Value::as_str) {
            Some(shown) => shown.to_owned(),
            None => format!("{name}/"),
        },
        _ => name.clone(),
    };
    let mut entries: Vec<_> = folder.iter().filter(|(name, _)| *name != ec2::LISTED_AS).collect();
    entries.sort_by_key(|(name, _)| *name);
    entries.into_iter().map(line).collect::<Vec<_>>().join("\n")
}
