//! `POST /snapshots/{id}/action`: for administrators.

use super::routes::snapshot_id;
use crate::http::body::Json;
use crate::http::caller::By;
use crate::volume::envelope::{Answer, Volume};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use hatchery_control::Error;
use hatchery_control::volume::VolumeVerbs;
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
    /// What a hypervisor said that made the snapshot itself: none does here.
    #[serde(rename = "os-update_snapshot_status")]
    UpdateStatus(IgnoredAny),
}

/// `{"status": …}`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Status {
    status: String,
}

/// Does it.
pub async fn action(
    State(verbs): State<Arc<VolumeVerbs>>,
    By(caller, _): By<Volume>,
    Path(id): Path<String>,
    Json(action, _): Json<Action, Volume>,
) -> Answer {
    let id = snapshot_id(&id)?;
    match action {
        Action::ResetStatus(to) => verbs.reset_snapshot(&caller, id, &to.status).await?,
        Action::ForceDelete(_) => verbs.delete_snapshot(&caller, id, true).await?,
        Action::UpdateStatus(_) => {
            verbs.find_snapshot(&caller, id).await?;
            let text = "os-update_snapshot_status is not served here.";
            return Err(Error::Unsupported(text.into()).into());
        }
    }
    Ok(StatusCode::ACCEPTED.into_response())
}
