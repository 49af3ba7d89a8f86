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
    /// The backend forgets the snapshot, and leaves it.
    #[serde(rename = "os-unmanage")]
    Unmanage(IgnoredAny),
    /// What a hypervisor says that makes the snapshot itself.
    #[serde(rename = "os-update_snapshot_status")]
    UpdateStatus(Progress),
}

/// `{"status": …}`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Status {
    status: String,
}

/// `{"status": …, "progress": "80%"}`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Progress {
    status: String,
    #[serde(default)]
    progress: Option<String>,
}

impl Progress {
    fn progress(&self) -> Result<Option<String>, Error> {
        let Some(text) = &self.progress else { return Ok(None) };
        let number = text.strip_suffix('%').and_then(|number| number.parse::<u32>().ok());
        match number.filter(|number| *number <= 100) {
            Some(_) => Ok(Some(text.clone())),
            None => Err(Error::Invalid("progress must be an integer percentage".into())),
        }
    }
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
        Action::Unmanage(_) => verbs.unmanage_snapshot(&caller, id).await?,
        Action::UpdateStatus(to) => {
            let said = (to.status.as_str(), to.progress()?);
            verbs.update_snapshot_status(&caller, id, said).await?;
        }
    }
    Ok(StatusCode::ACCEPTED.into_response())
}
