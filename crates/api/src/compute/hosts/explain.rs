//! `/os-hatchery-explain`, `/os-hatchery-provision/{server}`: ours alone. How a disk would be made, and how one was.

use crate::compute::envelope::{Answer, Compute};
use crate::compute::servers::show::id_of;
use crate::http::caller::By;
use axum::Json;
use axum::extract::{Path, Query, State};
use axum::response::IntoResponse;
use hatchery_control::compute::{Explain, ShowServer};
use hatchery_control::policy;
use hatchery_model::image::ImageContent;
use hatchery_model::provision::{Plan, PlanStep, Refusal};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

/// What is asked about.
#[derive(Debug, Deserialize)]
pub struct Question {
    image: String,
    flavor: String,
}

/// The plan for each host.
pub async fn explain(
    State(explain): State<Arc<Explain>>,
    By(caller, _): By<Compute>,
    question: Result<Query<Question>, axum::extract::rejection::QueryRejection>,
) -> Answer {
    let Query(question) = question.map_err(|_| {
        hatchery_control::Error::Invalid("Give image and flavor, each by id or name.".into())
    })?;
    let found = explain.run(&caller, &question.image, &question.flavor).await?;
    let hosts: Vec<Value> = found
        .hosts
        .iter()
        .map(|host| {
            json!({
                "host": host.host,
                "refused_by": host.refused_by,
                "disks": host.backing.to_string(),
                "plan": match &host.plan {
                    Ok(plan) => view(plan),
                    Err(refused) => json!({"way": null, "refused": refusals(refused)}),
                },
            })
        })
        .collect();
    Ok(Json(json!({
        "image": found.image.id,
        "flavor": found.flavor.id,
        "disk_bytes": found.disk.0,
        "base": found.image.content().map(base),
        "hosts": hosts,
    }))
    .into_response())
}

/// How a server's disk was made: the plan that was executed, and the bytes that were really copied.
pub async fn provision(
    State(show): State<Arc<ShowServer>>,
    By(caller, _): By<Compute>,
    Path(id): Path<String>,
) -> Answer {
    policy::admin(&caller, "hatchery:provision")?;
    let server = show.run(&caller, id_of(&id)?).await?.server;
    Ok(Json(json!({"provision": {
        "server": server.id,
        "host": server.host,
        "plan": server.plan.as_ref().map(view),
        "bytes_copied": server.bytes_copied,
    }}))
    .into_response())
}

/// What a base of the image is made of.
fn base(content: &ImageContent) -> Value {
    json!({
        "format": content.base_format().as_str(),
        "bytes": content.base_size().0,
        "is_raw_form": content.raw.is_some(),
        "inspector_version": content.inspection.inspector_version,
    })
}

/// A plan as shown.
pub(crate) fn view(plan: &Plan) -> Value {
    json!({
        "way": plan.rung.as_str(),
        "bytes_copied": plan.copies.0,
        "steps": plan.steps.iter().map(step).collect::<Vec<_>>(),
        "refused": refusals(&plan.refused),
    })
}

/// Why ways are not taken, as shown.
pub(crate) fn refusals(refused: &[Refusal]) -> Vec<Value> {
    let view = |one: &Refusal| json!({"way": one.rung.as_str(), "reason": one.reason});
    refused.iter().map(view).collect()
}

fn step(step: &PlanStep) -> String {
    match step {
        PlanStep::LinkBase => "link the image's file as base".into(),
        PlanStep::ReflinkBase => "reflink the image's file as base".into(),
        PlanStep::UseBase => "use the base that is there".into(),
        PlanStep::CopyBase => "copy the image's bytes to a base".into(),
        PlanStep::CloneImage(at) => {
            format!("clone {}/{}@{} in its cluster", at.pool, at.image, at.snapshot)
        }
        PlanStep::CloneVolume(volume) => format!("clone volume {volume}"),
        PlanStep::CopyImage => "write the image's bytes into the disk".into(),
        PlanStep::CreateOverlay { base_format, size } => {
            format!("lay an empty overlay of {size} on the {base_format} base")
        }
    }
}
