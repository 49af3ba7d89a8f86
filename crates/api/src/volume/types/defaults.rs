//! `/default-types` (3.62)

use crate::http::body::Json;
use crate::http::caller::By;
use crate::volume::envelope::{Answer, Volume};
use crate::volume::fields;
use crate::volume::microversion::{Microversion, since};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use hatchery_control::volume::VolumeTypeVerbs;
use hatchery_model::id::{ProjectId, VolumeTypeId};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

/// They came then.
const FIRST: u32 = 62;

/// `{"default_type": {"volume_type": …}}`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Body {
    default_type: Named,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Named {
    volume_type: String,
}

fn view(project: &ProjectId, id: VolumeTypeId) -> Value {
    json!({"project_id": project, "volume_type_id": id})
}

fn one(project: &ProjectId, id: VolumeTypeId) -> Response {
    axum::Json(json!({"default_type": view(project, id)})).into_response()
}

/// Those of all projects.
pub async fn list(
    State(verbs): State<Arc<VolumeTypeVerbs>>,
    By(caller, _): By<Volume>,
    version: Microversion,
) -> Answer {
    since(version, FIRST)?;
    let found = verbs.project_defaults(&caller).await?;
    let shown: Vec<Value> = found.iter().map(|(project, id)| view(project, *id)).collect();
    Ok(axum::Json(json!({"default_types": shown})).into_response())
}

/// That of a project.
pub async fn show(
    State(verbs): State<Arc<VolumeTypeVerbs>>,
    By(caller, _): By<Volume>,
    version: Microversion,
    Path(project): Path<String>,
) -> Answer {
    since(version, FIRST)?;
    let project = ProjectId::from(project.as_str());
    let id = verbs.project_default(&caller, &project).await?;
    Ok(one(&project, id))
}

/// Gives a project one.
pub async fn set(
    State(verbs): State<Arc<VolumeTypeVerbs>>,
    By(caller, _): By<Volume>,
    version: Microversion,
    Path(project): Path<String>,
    Json(body, _): Json<Body, Volume>,
) -> Answer {
    since(version, FIRST)?;
    let named = &body.default_type.volume_type;
    fields::name("volume_type", named)?;
    let project = ProjectId::from(project.as_str());
    let id = verbs.set_project_default(&caller, &project, named).await?;
    Ok(one(&project, id))
}

/// Takes it back.
pub async fn unset(
    State(verbs): State<Arc<VolumeTypeVerbs>>,
    By(caller, _): By<Volume>,
    version: Microversion,
    Path(project): Path<String>,
) -> Answer<StatusCode> {
    since(version, FIRST)?;
    verbs.unset_project_default(&caller, &ProjectId::from(project.as_str())).await?;
    Ok(StatusCode::NO_CONTENT)
}
