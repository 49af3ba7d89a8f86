//! `os-extend`, `revert`: actions that change what a volume holds.

use super::{Asked, wrong};
use crate::volume::envelope::Answer;
use crate::volume::fields::whole;
use crate::volume::microversion::since;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use hatchery_control::volume::VolumeVerbs;

/// `{"new_size": GiB}`; since 3.42 also of a volume that a server uses.
pub(super) async fn extend(verbs: &VolumeVerbs, asked: &Asked<'_>) -> Answer {
    let size = asked.fields(&["new_size"])?.get("new_size").ok_or_else(|| wrong("new_size"))?;
    let gib = whole("new_size", size, 1)?.unsigned_abs();
    verbs.extend_volume(asked.caller, asked.volume()?, gib, asked.version.0 >= 42).await?;
    Ok(StatusCode::ACCEPTED.into_response())
}

/// `{"snapshot_id": id}` (3.40)
pub(super) async fn revert(verbs: &VolumeVerbs, asked: &Asked<'_>) -> Answer {
    since(asked.version, 40)?;
    let fields = asked.argument.as_object().ok_or_else(|| wrong("revert"))?;
    let to = fields.get("snapshot_id").and_then(|id| id.as_str()?.parse().ok());
    let id = asked.volume()?;
    verbs.find_volume(asked.caller, id).await?;
    let to = to.ok_or_else(|| wrong("snapshot_id"))?;
    verbs.revert_volume(asked.caller, id, to).await?;
    Ok(StatusCode::ACCEPTED.into_response())
}
