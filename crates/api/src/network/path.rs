//! Ids in paths and bodies.

use super::fault::Fault;
use hatchery_control::Error;
use std::str::FromStr;

/// An id in its usual spelling; anything else names nothing of this kind.
pub fn id<T: FromStr>(kind: &'static str, text: &str) -> Result<T, Fault> {
    let id = text.parse().ok().filter(|_| text.len() == 36);
    id.ok_or_else(|| Error::not_found(kind, text).into())
}
