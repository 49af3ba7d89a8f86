//! `/os-aggregates`

use super::wire::{CreateBody, UpdateBody};
use super::{number_of, view};
use crate::compute::envelope::{Answer, Compute};
use crate::compute::microversion::Microversion;
use crate::http::body;
use crate::http::caller::By;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use hatchery_control::compute::AggregateVerbs;
use hatchery_model::compute::Aggregate;
use serde_json::{Value, json};
use std::sync::Arc;

/// One in an answer.
pub fn one(version: Microversion, aggregate: &Aggregate) -> Response {
    Json(json!({"aggregate": view::whole(version, aggregate)})).into_response()
}

/// Lists.
pub async fn list(
    State(verbs): State<Arc<AggregateVerbs>>,
    By(caller, _): By<Compute>,
    version: Microversion,
) -> Answer {
    let all = verbs.list(&caller).await?;
    let shown: Vec<Value> = all.iter().map(|one| view::whole(version, one)).collect();
    Ok(Json(json!({"aggregates": shown})).into_response())
}

/// Makes one.
pub async fn create(
    State(verbs): State<Arc<AggregateVerbs>>,
    By(caller, _): By<Compute>,
    version: Microversion,
    body::Json(body, _): body::Json<CreateBody, Compute>,
) -> Answer {
    let (name, zone) = body.parse()?;
    let made = verbs.create(&caller, name, zone).await?;
    Ok(Json(json!({"aggregate": view::brief(version, &made)})).into_response())
}

/// Shows one.
pub async fn show(
    State(verbs): State<Arc<AggregateVerbs>>,
    By(caller, _): By<Compute>,
    version: Microversion,
    Path(id): Path<String>,
) -> Answer {
    Ok(one(version, &verbs.show(&caller, number_of(&id)?).await?))
}

/// Changes name and zone.
pub async fn update(
    State(verbs): State<Arc<AggregateVerbs>>,
    By(caller, _): By<Compute>,
    version: Microversion,
    Path(id): Path<String>,
    body::Json(body, _): body::Json<UpdateBody, Compute>,
) -> Answer {
    let changes = body.parse()?;
    Ok(one(version, &verbs.update(&caller, number_of(&id)?, changes).await?))
}

/// Removes one: 200, as Nova does for old times' sake.
pub async fn delete(
    State(verbs): State<Arc<AggregateVerbs>>,
    By(caller, _): By<Compute>,
    Path(id): Path<String>,
) -> Answer<StatusCode> {
    verbs.delete(&caller, number_of(&id)?).await?;
    Ok(StatusCode::OK)
}
