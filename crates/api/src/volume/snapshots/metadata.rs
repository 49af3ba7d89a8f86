//! `/snapshots/{id}/metadata`

use super::routes::snapshot_id;
use crate::http::body::Json;
use crate::http::caller::By;
use crate::volume::envelope::{Answer, Volume};
use crate::volume::fields;
use crate::volume::volumes::metadata::{AllBody, OneBody, all};
use axum::extract::{Path, State};
use axum::response::IntoResponse;
use hatchery_control::Error;
use hatchery_control::volume::VolumeVerbs;
use hatchery_model::caller::Caller;
use serde_json::json;
use std::sync::Arc;

/// All pairs.
pub async fn list(
    State(verbs): State<Arc<VolumeVerbs>>,
    By(caller, _): By<Volume>,
    Path(id): Path<String>,
) -> Answer {
    Ok(all(&verbs.find_snapshot(&caller, snapshot_id(&id)?).await?.metadata))
}

/// One pair.
pub async fn show(
    State(verbs): State<Arc<VolumeVerbs>>,
    By(caller, _): By<Volume>,
    Path((id, key)): Path<(String, String)>,
) -> Answer {
    let found = verbs.find_snapshot(&caller, snapshot_id(&id)?).await?;
    match found.metadata.get(&key) {
        Some(value) => Ok(axum::Json(json!({"meta": {key: value}})).into_response()),
        None => Err(Error::not_found("Metadata item", key).into()),
    }
}

/// Adds pairs, and replaces those of the same key.
pub async fn add(
    State(verbs): State<Arc<VolumeVerbs>>,
    By(caller, _): By<Volume>,
    Path(id): Path<String>,
    Json(body, _): Json<AllBody, Volume>,
) -> Answer {
    set(&verbs, &caller, &id, body, false).await
}

/// Puts these in the place of all others.
pub async fn replace(
    State(verbs): State<Arc<VolumeVerbs>>,
    By(caller, _): By<Volume>,
    Path(id): Path<String>,
    Json(body, _): Json<AllBody, Volume>,
) -> Answer {
    set(&verbs, &caller, &id, body, true).await
}

async fn set(
    verbs: &VolumeVerbs,
    caller: &Caller,
    id: &str,
    body: AllBody,
    replace: bool,
) -> Answer {
    fields::pairs("metadata", &body.metadata)?;
    let id = snapshot_id(id)?;
    Ok(all(&verbs.set_snapshot_metadata(caller, id, body.metadata, replace).await?.metadata))
}

/// Adds or replaces one.
pub async fn set_one(
    State(verbs): State<Arc<VolumeVerbs>>,
    By(caller, _): By<Volume>,
    Path((id, key)): Path<(String, String)>,
    Json(body, _): Json<OneBody, Volume>,
) -> Answer {
    let pair = body.parse(&key)?;
    verbs.set_snapshot_metadata(&caller, snapshot_id(&id)?, pair.clone(), false).await?;
    Ok(axum::Json(json!({"meta": pair})).into_response())
}

/// Removes one.
pub async fn delete(
    State(verbs): State<Arc<VolumeVerbs>>,
    By(caller, _): By<Volume>,
    Path((id, key)): Path<(String, String)>,
) -> Answer<()> {
    verbs.delete_snapshot_metadata(&caller, snapshot_id(&id)?, &key).await?;
    Ok(())
}
