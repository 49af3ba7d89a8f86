//! `GET /servers/{id}`, `DELETE /servers/{id}`

use super::view::Viewer;
use crate::compute::envelope::{Answer, Compute};
use crate::compute::microversion::Microversion;
use crate::compute::versions::Root;
use crate::http::caller::By;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use hatchery_control::Error;
use hatchery_control::compute::{DeleteServer, ShowServer};
use hatchery_model::id::ServerId;
use serde_json::json;
use std::sync::Arc;

/// A server's id in a path; anything else names no server.
pub fn id_of(text: &str) -> Result<ServerId, Error> {
    let id = text.parse().ok().filter(|_| text.len() == 36);
    id.ok_or_else(|| Error::not_found("Instance", text))
}

/// Shows one.
pub async fn show(
    State(show): State<Arc<ShowServer>>,
    State(root): State<Root>,
    By(caller, _): By<Compute>,
    version: Microversion,
    Path(id): Path<String>,
) -> Answer {
    let detail = show.run(&caller, id_of(&id)?).await?;
    let viewer = Viewer { root: &root, version, caller: &caller };
    Ok(Json(json!({"server": viewer.whole(&detail)})).into_response())
}

/// Deletes one.
pub async fn delete(
    State(delete): State<Arc<DeleteServer>>,
    By(caller, _): By<Compute>,
    Path(id): Path<String>,
) -> Answer<StatusCode> {
    delete.run(&caller, id_of(&id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}
