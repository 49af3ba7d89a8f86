//! What is said of the image behind a volume.

use super::{Asked, wrong};
use crate::volume::envelope::Answer;
use crate::volume::volumes::metadata::all;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use hatchery_control::volume::VolumeVerbs;
use serde::Deserialize;
use std::collections::BTreeMap;

/// `os-set_image_metadata`: `{"metadata": {…}}`
pub(super) async fn set(verbs: &VolumeVerbs, asked: &Asked<'_>) -> Answer {
    let given = asked.fields(&["metadata"])?.get("metadata").ok_or_else(|| wrong("metadata"))?;
    let new = BTreeMap::<String, String>::deserialize(given).map_err(|_| wrong("metadata"))?;
    let changed = verbs.set_image_metadata(asked.caller, asked.volume()?, new).await?;
    Ok(all(&changed.volume.image_metadata))
}

/// `os-unset_image_metadata`: `{"key": …}`
pub(super) async fn unset(verbs: &VolumeVerbs, asked: &Asked<'_>) -> Answer {
    let key = asked.only_text("key")?;
    verbs.delete_image_metadata(asked.caller, asked.volume()?, key).await?;
    Ok(StatusCode::OK.into_response())
}

/// `os-show_image_metadata`
pub(super) async fn show(verbs: &VolumeVerbs, asked: &Asked<'_>) -> Answer {
    let found = verbs.find_volume(asked.caller, asked.volume()?).await?;
    Ok(all(&found.volume.image_metadata))
}
