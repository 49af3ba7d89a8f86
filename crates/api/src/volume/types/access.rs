//! `/types/{id}/os-volume-type-access`, and the actions that change it.

use super::routes::type_id;
use crate::http::body::Json;
use crate::http::caller::By;
use crate::volume::envelope::{Answer, Volume};
use crate::volume::fields;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use hatchery_control::volume::VolumeTypeVerbs;
use hatchery_control::{Error, policy};
use hatchery_model::id::ProjectId;
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

/// What is to be done, named by the only key.
#[derive(Debug, Deserialize)]
pub enum Action {
    /// Lets a project use the type.
    #[serde(rename = "addProjectAccess")]
    Add(OfProject),
    /// Takes that back.
    #[serde(rename = "removeProjectAccess")]
    Remove(OfProject),
}

/// `{"project": id}`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OfProject {
    project: String,
}

/// Who may use the type.
pub async fn list(
    State(verbs): State<Arc<VolumeTypeVerbs>>,
    By(caller, _): By<Volume>,
    Path(id): Path<String>,
) -> Answer {
    let id = type_id(&id)?;
    let projects = verbs.access(&caller, id).await?;
    let shown: Vec<Value> = projects
        .iter()
        .map(|project| json!({"volume_type_id": id, "project_id": project}))
        .collect();
    Ok(axum::Json(json!({"volume_type_access": shown})).into_response())
}

/// Changes that.
pub async fn action(
    State(verbs): State<Arc<VolumeTypeVerbs>>,
    By(caller, _): By<Volume>,
    Path(id): Path<String>,
    Json(action, _): Json<Action, Volume>,
) -> Answer<StatusCode> {
    let (Action::Add(of) | Action::Remove(of)) = &action;
    fields::name("project", &of.project)?;
    let project = ProjectId::from(of.project.as_str());
    match action {
        Action::Add(_) => verbs.grant(&caller, type_id(&id)?, project).await?,
        Action::Remove(_) => verbs.revoke(&caller, type_id(&id)?, &project).await?,
    }
    Ok(StatusCode::ACCEPTED)
}

/// `GET /types/{id}/encryption`: no type encrypts its volumes.
pub async fn encryption(
    State(verbs): State<Arc<VolumeTypeVerbs>>,
    By(caller, _): By<Volume>,
    Path(id): Path<String>,
) -> Answer {
    policy::admin(&caller, "volume_extension:volume_type_encryption:get")?;
    verbs.show(&caller, type_id(&id)?).await?;
    Ok(axum::Json(json!({})).into_response())
}

/// `POST /types/{id}/encryption`
pub async fn encrypt(By(caller, _): By<Volume>, Path(_): Path<String>) -> Answer {
    policy::admin(&caller, "volume_extension:volume_type_encryption:create")?;
    Err(Error::Unsupported("Encrypted volumes are not served here.".into()).into())
}
