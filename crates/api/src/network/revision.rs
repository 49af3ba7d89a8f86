//! `If-Match: revision_number=…`: a change that is to be made only if nobody else has made one meanwhile.

use super::fault::{Fault, invalid};
use axum::http::HeaderMap;
use axum::http::header::IF_MATCH;

/// The revision that the client saw, if it says so.
pub fn wanted_revision(headers: &HeaderMap) -> Result<Option<i64>, Fault> {
    let Some(value) = headers.get(IF_MATCH) else {
        return Ok(None);
    };
    let text = value.to_str().unwrap_or_default();
    let revision = text.strip_prefix("revision_number=");
    let revision = revision.and_then(|revision| revision.parse().ok());
    match revision {
        Some(revision) => Ok(Some(revision)),
        None => Err(invalid(format!(
            "The If-Match header '{text}' is not of the form revision_number=NUMBER"
        ))),
    }
}
