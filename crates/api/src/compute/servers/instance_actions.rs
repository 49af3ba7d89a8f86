//! `/servers/{id}/os-instance-actions`: what was done to a server, and its timeline.

use super::show::id_of;
use crate::compute::envelope::{Answer, Compute};
use crate::compute::links;
use crate::compute::microversion::Microversion;
use crate::compute::versions::Root;
use crate::http::caller::By;
use crate::http::{paging, time};
use axum::Json;
use axum::extract::{Path, Query, State};
use axum::response::IntoResponse;
use hatchery_control::compute::InstanceActions;
use hatchery_model::caller::Caller;
use hatchery_model::compute::{Action, ActionEvent, ActionKind, EventResult};
use hatchery_model::id::RequestId;
use serde_json::{Value, json};
use std::sync::Arc;

/// Lists, newest first.
pub async fn list(
    State(actions): State<Arc<InstanceActions>>,
    State(root): State<Root>,
    By(caller, _): By<Compute>,
    version: Microversion,
    Path(id): Path<String>,
    Query(pairs): Query<Vec<(String, String)>>,
) -> Answer {
    // Pages came with 2.58.
    let pairs = if version.0 >= 58 { pairs } else { Vec::new() };
    let page = paging::page(&pairs, Some(paging::MAX_LIMIT))?;
    let all = actions.list(&caller, id_of(&id)?, &page).await?;
    let shown: Vec<Value> = all.iter().map(|action| brief(action, version)).collect();
    let full = page.limit.is_some_and(|limit| limit > 0 && shown.len() >= limit as usize);
    let mut body = json!({"instanceActions": shown});
    if version.0 >= 58 {
        let path = format!("servers/{id}/os-instance-actions");
        let last = all.last().map(|action| action.request.as_str());
        if let Some(next) = links::next(&root, &path, &pairs, last, full) {
            body["links"] = next;
        }
    }
    Ok(Json(body).into_response())
}

/// Shows one, with its events.
pub async fn show(
    State(actions): State<Arc<InstanceActions>>,
    By(caller, _): By<Compute>,
    version: Microversion,
    Path((id, request)): Path<(String, String)>,
) -> Answer {
    let action = actions.show(&caller, id_of(&id)?, &RequestId(request)).await?;
    let mut shown = brief(&action, version);
    if caller.is_admin() || version.0 >= 51 {
        let events = action.events.iter().map(|one| event(one, version, &caller, &action));
        shown["events"] = events.collect();
    }
    Ok(Json(json!({"instanceAction": shown})).into_response())
}

fn brief(action: &Action, version: Microversion) -> Value {
    let mut shown = json!({
        "action": match action.kind {
            ActionKind::Create => "create",
            ActionKind::Delete => "delete",
            ActionKind::Stop => "stop",
            ActionKind::Start => "start",
            ActionKind::Reboot => "reboot",
            ActionKind::AttachVolume => "attach_volume",
            ActionKind::DetachVolume => "detach_volume",
            ActionKind::CreateImage => "createImage",
            ActionKind::SwapVolume => "swap_volume",
            ActionKind::ExtendVolume => "extend_volume",
            ActionKind::ResetState => "resetState",
        },
        "instance_uuid": action.server,
        "request_id": action.request,
        "user_id": action.user,
        "project_id": action.project,
        "start_time": time::micros(action.started_at),
        "message": action.message,
    });
    if version.0 >= 58 {
        shown["updated_at"] = json!(time::micros(action.updated_at));
    }
    shown
}

fn event(event: &ActionEvent, version: Microversion, caller: &Caller, action: &Action) -> Value {
    let mut shown = json!({
        "event": event.name,
        "start_time": time::micros(event.started_at),
        "finish_time": event.finished_at.map(time::micros),
        "result": event.result.map(|result| match result {
            EventResult::Success => "Success",
            EventResult::Error => "Error",
        }),
    });
    if caller.is_admin() {
        let failed = event.result == Some(EventResult::Error);
        shown["traceback"] = json!(event.details.as_ref().filter(|_| failed));
        if version.0 >= 62 {
            // A text, also where no host had a part in it.
            shown["host"] = json!(event.host.as_ref().map_or("", |host| host.as_str()));
        }
    }
    if version.0 >= 62 {
        shown["hostId"] = json!(super::view::host_id(&action.project, event.host.as_ref()));
    }
    if version.0 >= 84 && caller.is_admin() {
        shown["details"] = json!(event.details);
    }
    shown
}
