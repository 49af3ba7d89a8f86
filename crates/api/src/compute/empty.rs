//! What clients list before anything else, and of which there is nothing here.

use super::envelope::{Answer, Compute};
use crate::http::caller::By;
use axum::Json;
use axum::response::IntoResponse;
use hatchery_control::policy;
use serde_json::json;

/// `/extensions`: what once were extensions belongs to the service.
pub async fn extensions(By(_, _): By<Compute>) -> Answer {
    Ok(Json(json!({"extensions": []})).into_response())
}

/// `/os-server-groups`
pub async fn server_groups(By(caller, _): By<Compute>) -> Answer {
    policy::reader_project(&caller, "os_compute_api:os-server-groups:index")?;
    Ok(Json(json!({"server_groups": []})).into_response())
}
