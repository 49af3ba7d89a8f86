//! `/servers/{id}/metadata`

use super::show::id_of;
use crate::compute::envelope::{Answer, Compute};
use crate::http::body::Json;
use crate::http::caller::By;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use hatchery_control::Error;
use hatchery_control::compute::{ChangeServer, ShowServer};
use serde::Deserialize;
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;

/// `{"metadata": {…}}`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AllBody {
    metadata: BTreeMap<String, String>,
}

/// `{"meta": {key: value}}`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OneBody {
    meta: BTreeMap<String, String>,
}

fn all(metadata: &BTreeMap<String, String>) -> Response {
    axum::Json(json!({"metadata": metadata})).into_response()
}

/// All labels.
pub async fn list(
    State(show): State<Arc<ShowServer>>,
    By(caller, _): By<Compute>,
    Path(id): Path<String>,
) -> Answer {
    Ok(all(&show.run(&caller, id_of(&id)?).await?.server.metadata))
}

/// One label.
pub async fn show(
    State(show): State<Arc<ShowServer>>,
    By(caller, _): By<Compute>,
    Path((id, key)): Path<(String, String)>,
) -> Answer {
    let server = show.run(&caller, id_of(&id)?).await?.server;
    match server.metadata.get(&key) {
        Some(value) => Ok(axum::Json(json!({"meta": {key: value}})).into_response()),
        None => Err(Error::not_found("Metadata item", key).into()),
    }
}

/// Adds labels, and replaces those of the same name.
pub async fn add(
    State(change): State<Arc<ChangeServer>>,
    By(caller, _): By<Compute>,
    Path(id): Path<String>,
    Json(body, _): Json<AllBody, Compute>,
) -> Answer {
    Ok(all(&change.add_metadata(&caller, id_of(&id)?, &body.metadata).await?))
}

/// Puts these in the place of all others.
pub async fn replace(
    State(change): State<Arc<ChangeServer>>,
    By(caller, _): By<Compute>,
    Path(id): Path<String>,
    Json(body, _): Json<AllBody, Compute>,
) -> Answer {
    Ok(all(&change.replace_metadata(&caller, id_of(&id)?, &body.metadata).await?))
}

/// Adds or replaces one.
pub async fn set(
    State(change): State<Arc<ChangeServer>>,
    By(caller, _): By<Compute>,
    Path((id, key)): Path<(String, String)>,
    Json(body, _): Json<OneBody, Compute>,
) -> Answer {
    if body.meta.len() != 1 || !body.meta.contains_key(&key) {
        return Err(Error::Invalid("Request body and URI mismatch".into()).into());
    }
    change.add_metadata(&caller, id_of(&id)?, &body.meta).await?;
    Ok(axum::Json(json!({"meta": body.meta})).into_response())
}

/// Removes one.
pub async fn delete(
    State(change): State<Arc<ChangeServer>>,
    By(caller, _): By<Compute>,
    Path((id, key)): Path<(String, String)>,
) -> Answer<StatusCode> {
    change.delete_metadata(&caller, id_of(&id)?, &key).await?;
    Ok(StatusCode::NO_CONTENT)
}
