//! `limit`, `marker`, `offset` and `sort_*`, as Cinder has them.

use crate::http::paging::{self, MAX_LIMIT};
use hatchery_control::Error;
use hatchery_model::page::Page;

/// Query pairs of a request.
pub type Pairs = axum::extract::Query<Vec<(String, String)>>;

/// The part of a listing that is wanted.
#[derive(Debug)]
pub struct Part {
    /// After the marker, sorted.
    pub page: Page,
    /// So many are left out before the page.
    pub offset: usize,
}

/// Reads it. Without a limit a page has [`MAX_LIMIT`] items.
pub fn part(pairs: &[(String, String)]) -> Result<Part, Error> {
    let is_there = |wanted: &str| pairs.iter().any(|(key, _)| key == wanted);
    if is_there("sort") && (is_there("sort_key") || is_there("sort_dir")) {
        return Err(Error::Invalid(
            "The 'sort_key' and 'sort_dir' parameters are deprecated and cannot be used with the 'sort' parameter.".into(),
        ));
    }
    let mut page = paging::page(pairs, Some(MAX_LIMIT))?;
    for (key, _) in &mut page.sort {
        if key == "display_name" {
            "name".clone_into(key);
        }
    }
    let offset = match value(pairs, "offset") {
        None => 0,
        Some(text) => {
            text.parse::<u32>().ok().filter(|n| i32::try_from(*n).is_ok()).ok_or_else(|| {
                Error::Invalid(format!("offset '{text}' must be an integer of 0 to 2147483647"))
            })?
        }
    };
    Ok(Part { page, offset: offset as usize })
}

impl Part {
    /// Whether `count` items fill the page, so that there may be another one.
    pub fn is_filled_by(&self, count: usize) -> bool {
        count > 0 && self.page.limit.is_some_and(|limit| count >= limit as usize)
    }
}

/// A query's value, if it is there.
pub fn value<'a>(pairs: &'a [(String, String)], key: &str) -> Option<&'a str> {
    pairs.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
}

/// A query's boolean, if it is there.
pub fn flag(pairs: &[(String, String)], key: &str) -> Result<Option<bool>, Error> {
    let Some(text) = value(pairs, key) else {
        return Ok(None);
    };
    match super::fields::bool_of(text) {
        Some(value) => Ok(Some(value)),
        None => Err(Error::Invalid(format!("Value '{text}' for '{key}' is not a boolean."))),
    }
}
