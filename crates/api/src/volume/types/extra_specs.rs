//! `/types/{id}/extra_specs`

use super::routes::type_id;
use super::view;
use crate::http::body::Json;
use crate::http::caller::By;
use crate::volume::envelope::{Answer, Volume};
use crate::volume::fields;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use hatchery_control::Error;
use hatchery_control::volume::VolumeTypeVerbs;
use serde::Deserialize;
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;

/// `{"extra_specs": {…}}`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Body {
    extra_specs: BTreeMap<String, String>,
}

/// Those that the caller may see.
pub async fn list(
    State(verbs): State<Arc<VolumeTypeVerbs>>,
    By(caller, _): By<Volume>,
    Path(id): Path<String>,
) -> Answer {
    let found = verbs.show(&caller, type_id(&id)?).await?;
    let specs = view::extra_specs(&caller, &found);
    Ok(axum::Json(json!({"extra_specs": specs})).into_response())
}

/// One of them.
pub async fn show(
    State(verbs): State<Arc<VolumeTypeVerbs>>,
    By(caller, _): By<Volume>,
    Path((id, name)): Path<(String, String)>,
) -> Answer {
    let found = verbs.show(&caller, type_id(&id)?).await?;
    match view::extra_specs(&caller, &found).get(&name) {
        Some(value) => Ok(axum::Json(json!({name: value})).into_response()),
        None => Err(Error::not_found("Volume type extra spec", name).into()),
    }
}

/// Adds and replaces.
pub async fn set(
    State(verbs): State<Arc<VolumeTypeVerbs>>,
    By(caller, _): By<Volume>,
    Path(id): Path<String>,
    Json(body, _): Json<Body, Volume>,
) -> Answer {
    fields::pairs("extra_specs", &body.extra_specs)?;
    verbs.set_extra_specs(&caller, type_id(&id)?, body.extra_specs.clone()).await?;
    Ok(axum::Json(json!({"extra_specs": body.extra_specs})).into_response())
}

/// Sets one, named in path and body.
pub async fn set_one(
    State(verbs): State<Arc<VolumeTypeVerbs>>,
    By(caller, _): By<Volume>,
    Path((id, name)): Path<(String, String)>,
    Json(specs, _): Json<BTreeMap<String, String>, Volume>,
) -> Answer {
    fields::pairs("extra_specs", &specs)?;
    if specs.len() != 1 || !specs.contains_key(&name) {
        return Err(Error::Invalid("Request body and URI mismatch".into()).into());
    }
    verbs.set_extra_specs(&caller, type_id(&id)?, specs.clone()).await?;
    Ok(axum::Json(json!(specs)).into_response())
}

/// Removes one.
pub async fn delete(
    State(verbs): State<Arc<VolumeTypeVerbs>>,
    By(caller, _): By<Volume>,
    Path((id, name)): Path<(String, String)>,
) -> Answer<StatusCode> {
    verbs.delete_extra_spec(&caller, type_id(&id)?, &name).await?;
    Ok(StatusCode::ACCEPTED)
}
