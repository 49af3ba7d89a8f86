//! `/os-hatchery-pool`

use super::view;
use crate::compute::envelope::{Answer, Compute};
use crate::compute::fields::present;
use crate::http::body;
use crate::http::caller::By;
use axum::Json;
use axum::extract::{Path, State};
use axum::response::IntoResponse;
use hatchery_control::pool::{NamedBase, PoolVerbs};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

/// `POST /os-hatchery-pool/verify`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VerifyBody {
    /// A base's name, or an image's id; all bases without it.
    #[serde(default, deserialize_with = "present")]
    base: Option<String>,
}

/// `POST /os-hatchery-pool/heal`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HealBody {
    #[serde(default)]
    dry_run: bool,
}

fn shown(base: &NamedBase) -> Value {
    view::base(&base.status, base.name.as_deref())
}

/// Every base.
pub async fn list(State(verbs): State<Arc<PoolVerbs>>, By(caller, _): By<Compute>) -> Answer {
    let bases = verbs.list(&caller).await?;
    let shown: Vec<Value> = bases.iter().map(shown).collect();
    Ok(Json(json!({"bases": shown})).into_response())
}

/// One, by its name or its image's id.
pub async fn show(
    State(verbs): State<Arc<PoolVerbs>>,
    By(caller, _): By<Compute>,
    Path(base): Path<String>,
) -> Answer {
    let base = verbs.show(&caller, &base).await?;
    Ok(Json(json!({"base": shown(&base)})).into_response())
}

/// Compares bytes with digests.
pub async fn verify(
    State(verbs): State<Arc<PoolVerbs>>,
    By(caller, _): By<Compute>,
    body::Json(body, _): body::Json<VerifyBody, Compute>,
) -> Answer {
    let report = verbs.verify(&caller, body.base.as_deref()).await?;
    Ok(Json(view::report(report.looked_at, &report.deeds)).into_response())
}

/// Puts right what is not as it should be.
pub async fn heal(
    State(verbs): State<Arc<PoolVerbs>>,
    By(caller, _): By<Compute>,
    body::Json(body, _): body::Json<HealBody, Compute>,
) -> Answer {
    let report = verbs.heal(&caller, body.dry_run).await?;
    Ok(Json(view::report(report.looked_at, &report.deeds)).into_response())
}
