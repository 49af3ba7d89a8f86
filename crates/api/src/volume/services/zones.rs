//! `/os-availability-zone`

use crate::http::caller::By;
use crate::volume::envelope::{Answer, Volume};
use axum::Json;
use axum::extract::State;
use axum::response::IntoResponse;
use hatchery_control::volume::{VolumeServiceVerbs, VolumeZone};
use serde_json::{Value, json};
use std::sync::Arc;

/// Names and states.
pub async fn list(State(verbs): State<Arc<VolumeServiceVerbs>>, By(_, _): By<Volume>) -> Answer {
    let view = |zone: &VolumeZone| json!({"zoneName": zone.name, "zoneState": {"available": zone.available}});
    let shown: Vec<Value> = verbs.zones().await?.iter().map(view).collect();
    Ok(Json(json!({"availabilityZoneInfo": shown})).into_response())
}
