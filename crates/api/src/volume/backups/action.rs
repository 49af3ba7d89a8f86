//! `POST /backups/{id}/action`: for administrators.

use super::routes::backup_id;
use crate::http::body::Json;
use crate::http::caller::By;
use crate::volume::envelope::{Answer, Volume};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use hatchery_control::volume::BackupVerbs;
use serde::Deserialize;
use serde::de::IgnoredAny;
use std::sync::Arc;

/// What is to be done, named by the only key.
#[derive(Debug, Deserialize)]
pub enum Action {
    /// Sets the state by hand.
    #[serde(rename = "os-reset_status")]
    ResetStatus(Status),
    /// Whatever the state is.
    #[serde(rename = "os-force_delete")]
    ForceDelete(IgnoredAny),
}

/// `{"status": …}`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Status {
    status: String,
}

/// Does it.
pub async fn action(
    State(verbs): State<Arc<BackupVerbs>>,
    By(caller, _): By<Volume>,
    Path(id): Path<String>,
    Json(action, _): Json<Action, Volume>,
) -> Answer<StatusCode> {
    let id = backup_id(&id)?;
    match action {
        Action::ResetStatus(to) => verbs.reset_status(&caller, id, &to.status).await?,
        Action::ForceDelete(_) => verbs.delete(&caller, id, true).await?,
    }
    Ok(StatusCode::ACCEPTED)
}
