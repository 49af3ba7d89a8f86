//! `/os-hatchery-live`: ours alone. What is moving now, and the figures that `hatchery top` draws.

use crate::compute::envelope::{Answer, Compute};
use crate::http::caller::By;
use crate::http::time;
use axum::Json;
use axum::extract::State;
use axum::response::IntoResponse;
use hatchery_control::compute::Live;
use serde_json::{Value, json};
use std::sync::Arc;

/// One look.
pub async fn live(State(live): State<Arc<Live>>, By(caller, _): By<Compute>) -> Answer {
    let look = live.run(&caller).await?;
    let transfers: Vec<Value> = look
        .transfers
        .iter()
        .map(|one| {
            json!({
                "id": one.id,
                "kind": one.kind,
                "what": one.what,
                "image": one.image,
                "bytes": one.bytes,
                "total": one.total,
                "bytes_per_second": one.bytes_per_second,
                "started_at": time::micros(one.started_at),
            })
        })
        .collect();
    let (at, figures) = (time::micros(look.at), &look.figures);
    Ok(Json(json!({"live": {"at": at, "transfers": transfers, "figures": figures}}))
        .into_response())
}
