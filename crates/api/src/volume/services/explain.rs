//! `/os-hatchery-explain`: ours alone. How a volume of an image would be made on each backend.

use crate::compute::hosts::explain::{refusals, view};
use crate::http::caller::By;
use crate::volume::envelope::{Answer, Volume};
use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::response::IntoResponse;
use hatchery_control::Error;
use hatchery_control::volume::{BackendExplanation, VolumeVerbs};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

/// What is asked about.
#[derive(Debug, Deserialize)]
pub struct Question {
    image: String,
    size: u64,
    volume_type: Option<String>,
}

/// The plan on each backend, and the backend that would be chosen.
pub async fn explain(
    State(verbs): State<Arc<VolumeVerbs>>,
    By(caller, _): By<Volume>,
    question: Result<Query<Question>, QueryRejection>,
) -> Answer {
    let Query(question) = question.map_err(|_| {
        Error::Invalid(
            "Give image, by id or name, and size in GiB; and volume_type if not the default."
                .into(),
        )
    })?;
    let volume_type = question.volume_type.as_deref();
    let found = verbs.explain_volume(&caller, &question.image, volume_type, question.size).await?;
    Ok(Json(json!({
        "image": found.image,
        "volume_type": found.volume_type.name,
        "size": found.size_gib,
        "chosen": found.chosen.map(|backend| backend.to_string()),
        "backends": found.backends.iter().map(backend).collect::<Vec<_>>(),
    }))
    .into_response())
}

fn backend(one: &BackendExplanation) -> Value {
    json!({
        "backend": one.backend.to_string(),
        "refused_by": one.refused_by,
        "plan": match &one.plan {
            Ok(plan) => view(plan),
            Err(refused) => json!({"way": null, "refused": refusals(refused)}),
        },
        "cache": one.fill.as_ref().map(|fill| match fill {
            Ok(leaving) => json!({"is_filled": true, "leaving": leaving, "reason": null}),
            Err(why) => json!({"is_filled": false, "leaving": [], "reason": why}),
        }),
    })
}
