//! `/volumes/{id}/metadata`

use super::view::{metadata, volume_id};
use crate::http::body::Json;
use crate::http::caller::By;
use crate::volume::envelope::{Answer, Volume};
use crate::volume::fields;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use hatchery_control::Error;
use hatchery_control::volume::VolumeVerbs;
use serde::Deserialize;
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;

/// `{"metadata": {…}}`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AllBody {
    /// The pairs.
    pub metadata: BTreeMap<String, String>,
}

/// `{"meta": {key: value}}`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OneBody {
    /// One pair.
    pub meta: BTreeMap<String, String>,
}

impl OneBody {
    /// The pair, which must be the one that the path names.
    pub fn parse(self, key: &str) -> Result<BTreeMap<String, String>, Error> {
        if !self.meta.contains_key(key) {
            return Err(Error::Invalid("Request body and URI mismatch".into()));
        }
        if self.meta.len() > 1 {
            return Err(Error::Invalid("Request body contains too many items".into()));
        }
        fields::pairs("meta", &self.meta)?;
        Ok(self.meta)
    }
}

/// All pairs.
pub fn all(metadata: &BTreeMap<String, String>) -> Response {
    axum::Json(json!({"metadata": metadata})).into_response()
}

/// All pairs.
pub async fn list(
    State(verbs): State<Arc<VolumeVerbs>>,
    By(caller, _): By<Volume>,
    Path(id): Path<String>,
) -> Answer {
    let found = verbs.find_volume(&caller, volume_id(&id)?).await?;
    Ok(all(&metadata(&found.volume)))
}

/// One pair.
pub async fn show(
    State(verbs): State<Arc<VolumeVerbs>>,
    By(caller, _): By<Volume>,
    Path((id, key)): Path<(String, String)>,
) -> Answer {
    let found = verbs.find_volume(&caller, volume_id(&id)?).await?;
    match metadata(&found.volume).get(&key) {
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
    caller: &hatchery_model::caller::Caller,
    id: &str,
    body: AllBody,
    replace: bool,
) -> Answer {
    fields::pairs("metadata", &body.metadata)?;
    let changed = verbs.set_volume_metadata(caller, volume_id(id)?, body.metadata, replace).await?;
    Ok(all(&changed.volume.metadata))
}

/// Adds or replaces one.
pub async fn set_one(
    State(verbs): State<Arc<VolumeVerbs>>,
    By(caller, _): By<Volume>,
    Path((id, key)): Path<(String, String)>,
    Json(body, _): Json<OneBody, Volume>,
) -> Answer {
    let pair = body.parse(&key)?;
    verbs.set_volume_metadata(&caller, volume_id(&id)?, pair.clone(), false).await?;
    Ok(axum::Json(json!({"meta": pair})).into_response())
}

/// Removes one.
pub async fn delete(
    State(verbs): State<Arc<VolumeVerbs>>,
    By(caller, _): By<Volume>,
    Path((id, key)): Path<(String, String)>,
) -> Answer<()> {
    verbs.delete_volume_metadata(&caller, volume_id(&id)?, &key).await?;
    Ok(())
}

/// `GET /volumes/{id}/encryption`: no volume is encrypted.
pub async fn encryption(
    State(verbs): State<Arc<VolumeVerbs>>,
    By(caller, _): By<Volume>,
    Path(id): Path<String>,
) -> Answer {
    verbs.find_volume(&caller, volume_id(&id)?).await?;
    Ok(axum::Json(json!({"encryption_key_id": null})).into_response())
}
