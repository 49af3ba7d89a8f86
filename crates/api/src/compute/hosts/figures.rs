//! `/os-hatchery-figures`: ours alone. Counters of this process, for benchmarks.

use crate::compute::envelope::{Answer, Compute};
use crate::http::caller::By;
use axum::Json;
use axum::extract::State;
use axum::response::IntoResponse;
use hatchery_control::compute::Figures;
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// What has been done since the process began.
pub async fn figures(State(figures): State<Arc<Figures>>, By(caller, _): By<Compute>) -> Answer {
    let counts = figures.run(&caller)?;
    let counts: Map<String, Value> =
        counts.into_iter().map(|(name, count)| (name.to_owned(), count.into())).collect();
    Ok(Json(json!({"figures": counts})).into_response())
}
