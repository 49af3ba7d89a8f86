//! Which volumes a listing wants.

use crate::volume::fields::bool_of;
use crate::volume::microversion::Microversion;
use crate::volume::paging::part;
use hatchery_control::Error;
use hatchery_control::volume::VolumeQuery;
use hatchery_model::caller::Caller;
use hatchery_model::id::ProjectId;
use std::collections::BTreeMap;

/// What the store sorts by.
const SORT_KEYS: [&str; 7] =
    ["name", "created_at", "updated_at", "id", "size", "status", "bootable"];

/// A listing that is wanted.
pub struct Wanted {
    /// Which volumes.
    pub query: VolumeQuery,
    /// So many are left out before the page.
    pub offset: usize,
}

/// Pairs as clients write them: a Python dictionary, or JSON.
pub fn dictionary(key: &str, text: &str) -> Result<BTreeMap<String, String>, Error> {
    serde_json::from_str(&text.replace('\'', "\"").replace(": u\"", ": \"")).map_err(|_| {
        Error::Invalid(format!("Invalid {key} filter [{text}]: {{'key': 'value'}} is wanted."))
    })
}

/// Refuses a key that the store does not sort by.
pub fn check_sort(
    sort: &[(String, hatchery_model::page::Direction)],
    keys: &[&str],
) -> Result<(), Error> {
    match sort.iter().find(|(key, _)| !keys.contains(&key.as_str())) {
        None => Ok(()),
        Some((key, _)) => Err(Error::Invalid(format!("Sort key passed is invalid: {key}."))),
    }
}

/// Reads it. `None`: nothing can fit.
pub fn parse(
    pairs: &[(String, String)],
    version: Microversion,
    caller: &Caller,
) -> Result<Option<Wanted>, Error> {
    let part = part(pairs)?;
    check_sort(&part.page.sort, &SORT_KEYS)?;
    let mut query = VolumeQuery { page: part.page, ..VolumeQuery::default() };
    let is_true = |text: &str| bool_of(text).unwrap_or(false);
    let mut nothing = false;
    for (key, value) in pairs {
        match key.as_str() {
            "all_tenants" => query.all_projects = is_true(value),
            "project_id" if caller.is_admin() => {
                query.project = Some(ProjectId::from(value.as_str()))
            }
            "name" | "display_name" => query.name = Some(value.clone()),
            "name~" | "display_name~" if version.0 >= 34 => query.name_like = Some(value.clone()),
            "status" => query.statuses = vec![value.clone()],
            "bootable" => query.bootable = bootable(value, version)?,
            "availability_zone" => query.availability_zone = Some(value.clone()),
            "metadata" => query.metadata = dictionary(key, value)?,
            "glance_metadata" if version.0 >= 4 => query.image_metadata = dictionary(key, value)?,
            "size" => match value.parse() {
                Ok(size) => query.size_gib = Some(size),
                Err(_) => nothing = true,
            },
            "id" => match value.parse() {
                Ok(id) => query.ids = Some(vec![id]),
                Err(_) => nothing = true,
            },
            "volume_type_id" => match value.parse() {
                Ok(id) => query.volume_type = Some(id),
                Err(_) => nothing = true,
            },
            "host" if caller.is_admin() => {
                query.host = Some(value.clone());
            }
            "consumes_quota" if version.0 >= 65 => nothing |= !is_true(value),
            "group_id" if version.0 >= 10 => match value.parse() {
                Ok(id) => query.group = Some(id),
                Err(_) => nothing = true,
            },
            "migration_status" if caller.is_admin() => query.migration = Some(value.clone()),
            "created_at" | "updated_at" if version.0 >= 60 => {
                return Err(Error::Invalid(format!("Volumes cannot be filtered by {key} here.")));
            }
            _ => {}
        }
    }
    Ok((!nothing).then_some(Wanted { query, offset: part.offset }))
}

fn bootable(text: &str, version: Microversion) -> Result<Option<bool>, Error> {
    match bool_of(text) {
        Some(value) => Ok(Some(value)),
        None if version.0 < 2 => Ok(None),
        None => Err(Error::Invalid(format!("bootable={text} is not a boolean."))),
    }
}
