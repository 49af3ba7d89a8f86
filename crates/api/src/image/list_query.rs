//! The query of a listing: filters with operators, sorting in two spellings, paging.

use super::fault::{Fault, invalid};
use super::view::visibility_of;
use crate::http::{paging, time};
use hatchery_control::image::{ImageQuery, Moment, VisibilityWanted};
use hatchery_model::id::ProjectId;
use hatchery_model::page::{Direction, Page};
use std::cmp::Ordering;
use std::str::FromStr;

/// Glance's `limit_param_default`.
const DEFAULT_LIMIT: u32 = 25;
const SORT_KEYS: [&str; 6] = ["name", "status", "size", "id", "created_at", "updated_at"];
const OPERATORS: [&str; 7] = ["in", "eq", "neq", "gt", "gte", "lt", "lte"];

type Pairs<'a> = &'a [(String, String)];

/// Reads filters and page.
pub fn parse(pairs: Pairs<'_>) -> Result<(ImageQuery, Page), Fault> {
    let plain: Vec<(String, String)> =
        pairs.iter().filter(|(key, _)| key == "limit" || key == "marker").cloned().collect();
    let mut page = paging::page(&plain, Some(DEFAULT_LIMIT))?;
    page.sort = sort(pairs)?;
    let mut query = ImageQuery::default();
    for (key, value) in pairs {
        if key.contains('\0') || value.contains('\0') {
            return Err(invalid("The query has a NUL character in it."));
        }
        match key.as_str() {
            "limit" | "marker" | "sort" | "sort_key" | "sort_dir" => {}
            _ => filter(&mut query, key, value)?,
        }
    }
    Ok((query, page))
}

fn filter(query: &mut ImageQuery, key: &str, value: &str) -> Result<(), Fault> {
    match key {
        "name" => query.names = Some(any_of(key, value)?),
        "id" => {
            let ids = any_of(key, value)?;
            query.ids = Some(ids.iter().filter_map(|id| id.parse().ok()).collect());
        }
        "status" => query.statuses = Some(any_of(key, value)?),
        "disk_format" => query.disk_formats = Some(words(key, value)?),
        "container_format" => query.container_formats = Some(words(key, value)?),
        "owner" => query.owner = Some(ProjectId::from(value)),
        "visibility" => {
            query.visibility = match (value, visibility_of(value)) {
                ("all", _) => VisibilityWanted::All,
                (_, Some(visibility)) => VisibilityWanted::Only(visibility),
                (_, None) => return Err(invalid(format!("Invalid visibility value: {value}"))),
            }
        }
        "os_hidden" => query.hidden = flag(key, value)?,
        "protected" => query.protected = Some(flag(key, value)?),
        "tag" => query.tags.push(value.trim().to_owned()),
        "size_min" => query.size_min = Some(number(key, value)?),
        "size_max" => query.size_max = Some(number(key, value)?),
        "min_disk" => query.min_disk_gib = Some(number(key, value)?),
        "min_ram" => query.min_ram_mib = Some(number(key, value)?),
        "created_at" => query.created = Some(moment(key, value)?),
        "updated_at" => query.updated = Some(moment(key, value)?),
        "checksum" => query.checksum = Some(value.to_owned()),
        "os_hash_value" => query.hash = Some(value.to_owned()),
        "member_status" => match value {
            "pending" | "accepted" | "rejected" | "all" => {}
            _ => return Err(invalid(format!("Invalid status: {value}"))),
        },
        "changes-since" => {
            return Err(invalid("The \"changes-since\" filter is no longer available on v2."));
        }
        property => {
            let pair = (property.to_owned(), value.to_owned());
            query.properties.extend([pair]);
        }
    }
    Ok(())
}

/// `value`, `eq:value`, or `in:value,"value, with comma"`.
fn any_of(key: &str, value: &str) -> Result<Vec<String>, Fault> {
    match operator(value) {
        ("in", list) => quoted_list(key, list),
        ("eq", one) => Ok(vec![one.to_owned()]),
        (other, _) => Err(invalid(format!(
            "Unable to filter {key} by operator '{other}': in and eq are there."
        ))),
    }
}

/// An operator and the rest. What begins with no operator is compared whole.
fn operator(value: &str) -> (&str, &str) {
    match value.split_once(':') {
        Some((operator, rest)) if OPERATORS.contains(&operator) => (operator, rest),
        _ => ("eq", value),
    }
}

fn quoted_list(key: &str, list: &str) -> Result<Vec<String>, Fault> {
    let wrong =
        || invalid(format!("{key}: the quotation marks in '{list}' do not enclose whole values."));
    let mut values = Vec::new();
    let mut rest = list;
    loop {
        let (value, after) = match rest.strip_prefix('"') {
            Some(quoted) => {
                let (value, after) = quoted.split_once('"').ok_or_else(wrong)?;
                if !(after.is_empty() || after.starts_with(',')) {
                    return Err(wrong());
                }
                (value, after.strip_prefix(','))
            }
            None => match rest.split_once(',') {
                Some((value, after)) => (value, Some(after)),
                None => (rest, None),
            },
        };
        values.push(value.to_owned());
        match after {
            Some(after) => rest = after,
            None => return Ok(values),
        }
    }
}

/// Words of which unknown ones fit nothing.
fn words<T: FromStr>(key: &str, value: &str) -> Result<Vec<Option<T>>, Fault> {
    let words = any_of(key, value)?;
    Ok(words.iter().filter_map(|word| word.parse().ok().map(Some)).collect())
}

fn flag(key: &str, value: &str) -> Result<bool, Fault> {
    match value.to_ascii_lowercase().as_str() {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(invalid(format!(
            "Invalid value '{value}' for '{key}' filter. Valid values are 'true' or 'false'."
        ))),
    }
}

fn number(key: &str, value: &str) -> Result<u64, Fault> {
    value.parse().map_err(|_| invalid(format!("Unable to filter {key} by '{value}': no number.")))
}

fn moment(key: &str, value: &str) -> Result<Moment, Fault> {
    let (operator, text) = operator(value);
    let at = time::parse(text).ok_or_else(|| {
        invalid(format!("Bad \"{key}\" query filter format. Use ISO 8601 DateTime notation."))
    })?;
    let fitting = match operator {
        "eq" => [Some(Ordering::Equal), None],
        "neq" => [Some(Ordering::Less), Some(Ordering::Greater)],
        "gt" => [Some(Ordering::Greater), None],
        "gte" => [Some(Ordering::Greater), Some(Ordering::Equal)],
        "lt" => [Some(Ordering::Less), None],
        "lte" => [Some(Ordering::Less), Some(Ordering::Equal)],
        other => {
            return Err(invalid(format!("Unable to filter {key} by unknown operator '{other}'.")));
        }
    };
    Ok(Moment { fitting, at })
}

fn sort(pairs: Pairs<'_>) -> Result<Vec<(String, Direction)>, Fault> {
    let all = |wanted: &str| -> Vec<&str> {
        pairs.iter().filter(|(key, _)| key == wanted).map(|(_, value)| value.trim()).collect()
    };
    let (new, keys, directions) = (all("sort"), all("sort_key"), all("sort_dir"));
    if let Some(list) = new.first() {
        if !keys.is_empty() || !directions.is_empty() {
            return Err(invalid("Old and new sorting syntax cannot be combined"));
        }
        return list
            .split(',')
            .map(|part| {
                let (key, way) = part.split_once(':').unwrap_or((part, "desc"));
                Ok((sort_key(key.trim())?, direction(way.trim())?))
            })
            .collect();
    }
    let keys = if keys.is_empty() { vec!["created_at"] } else { keys };
    if directions.len() > 1 && directions.len() != keys.len() {
        return Err(invalid("Number of sort dirs does not match the number of sort keys"));
    }
    keys.iter()
        .enumerate()
        .map(|(place, key)| {
            let way = directions.get(place).or(directions.first());
            Ok((sort_key(key)?, direction(way.unwrap_or(&"desc"))?))
        })
        .collect()
}

fn sort_key(key: &str) -> Result<String, Fault> {
    if SORT_KEYS.contains(&key) {
        Ok(key.to_owned())
    } else {
        Err(invalid(format!(
            "Invalid sort key: {key}. It must be one of the following: {}.",
            SORT_KEYS.join(", ")
        )))
    }
}

fn direction(way: &str) -> Result<Direction, Fault> {
    match way {
        "asc" => Ok(Direction::Ascending),
        "desc" => Ok(Direction::Descending),
        _ => Err(invalid(format!("Invalid sort direction: {way}"))),
    }
}
