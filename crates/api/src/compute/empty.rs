//! What clients list before anything else, and of which there is nothing here.

use super::envelope::{Answer, Compute};
use super::servers::show::id_of;
use crate::http::caller::By;
use axum::Json;
use axum::extract::{Path, State};
use axum::response::IntoResponse;
use hatchery_control::compute::ShowServer;
use hatchery_control::policy;
use serde_json::json;
use std::sync::Arc;

/// `/extensions`: what once were extensions belongs to the service.
pub async fn extensions(By(_, _): By<Compute>) -> Answer {
    Ok(Json(json!({"extensions": []})).into_response())
}

/// `/os-server-groups`
pub async fn server_groups(By(caller, _): By<Compute>) -> Answer {
    policy::reader_project(&caller, "os_compute_api:os-server-groups:index")?;
    Ok(Json(json!({"server_groups": []})).into_response())
}

/// `/servers/{id}/os-volume_attachments`
pub async fn volume_attachments(
    State(show): State<Arc<ShowServer>>,
    By(caller, _): By<Compute>,
    Path(id): Path<String>,
) -> Answer {
    show.run(&caller, id_of(&id)?).await?;
    Ok(Json(json!({"volumeAttachments": []})).into_response())
}
