//! `/group_snapshots` (3.14)

use super::routes::{SORT_KEYS, query, status};
use super::view;
use super::wire::SnapshotBody;
use crate::http::body::Json;
use crate::http::caller::By;
use crate::volume::address::Address;
use crate::volume::envelope::{Answer, Volume};
use crate::volume::fields::id_of;
use crate::volume::microversion::{Microversion, since};
use crate::volume::paging::{Pairs, part};
use crate::volume::volumes::query::check_sort;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use hatchery_control::Error;
use hatchery_control::volume::{GroupQuery, GroupSnapshotDetail, GroupVerbs};
use hatchery_model::caller::Caller;
use hatchery_model::id::GroupSnapshotId;
use hatchery_model::page::Page;
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// They came then.
const FIRST: u32 = 14;
/// Setting its state by hand came then.
const RESET: u32 = 19;

fn snapshot_id(text: &str) -> Result<GroupSnapshotId, Error> {
    id_of("GroupSnapshot", text)
}

async fn listed(
    verbs: &GroupVerbs,
    (caller, address): (&Caller, &Address),
    pairs: &[(String, String)],
    path: &str,
    view: impl Fn(&GroupSnapshotDetail) -> Value,
) -> Answer {
    let part = part(pairs)?;
    check_sort(&part.page.sort, &SORT_KEYS)?;
    let mut found = Vec::new();
    if let Some(query) = query(pairs, caller) {
        let more = u32::try_from(part.offset).unwrap_or(u32::MAX);
        let limit = part.page.limit.map(|limit| limit.saturating_add(more));
        if limit != Some(0) {
            let page = Page { limit, ..part.page.clone() };
            found = verbs.list_snapshots(caller, &GroupQuery { page, ..query }).await?;
            found.drain(..part.offset.min(found.len()));
        }
    }
    let shown: Vec<Value> = found.iter().map(view).collect();
    let last = found.last().map(|one| one.group_snapshot.id.to_string());
    let full = part.is_filled_by(shown.len());
    let mut body = json!({"group_snapshots": shown});
    if let Some(next) = address.next(path, pairs, last.as_deref(), full) {
        body["group_snapshot_links"] = next;
    }
    Ok(axum::Json(body).into_response())
}

/// A list.
pub async fn brief(
    State(verbs): State<Arc<GroupVerbs>>,
    By(caller, _): By<Volume>,
    address: Address,
    version: Microversion,
    Query(pairs): Pairs,
) -> Answer {
    since(version, FIRST)?;
    let view = view::brief_snapshot;
    listed(&verbs, (&caller, &address), &pairs, "group_snapshots", view).await
}

/// The same with all that there is to tell.
pub async fn detail(
    State(verbs): State<Arc<GroupVerbs>>,
    By(caller, _): By<Volume>,
    address: Address,
    version: Microversion,
    Query(pairs): Pairs,
) -> Answer {
    since(version, FIRST)?;
    let view = |one: &GroupSnapshotDetail| view::whole_snapshot(&caller, version, one);
    listed(&verbs, (&caller, &address), &pairs, "group_snapshots/detail", view).await
}

/// Shows one.
pub async fn show(
    State(verbs): State<Arc<GroupVerbs>>,
    By(caller, _): By<Volume>,
    version: Microversion,
    Path(id): Path<String>,
) -> Answer {
    since(version, FIRST)?;
    let found = verbs.show_snapshot(&caller, snapshot_id(&id)?).await?;
    let shown = view::whole_snapshot(&caller, version, &found);
    Ok(axum::Json(json!({"group_snapshot": shown})).into_response())
}

/// Has a snapshot made of each volume of a group.
pub async fn create(
    State(verbs): State<Arc<GroupVerbs>>,
    By(caller, _): By<Volume>,
    version: Microversion,
    Json(body, _): Json<SnapshotBody, Volume>,
) -> Answer {
    since(version, FIRST)?;
    let made = verbs.create_snapshot(&caller, body.parse()?).await?;
    let mut shown = view::brief_snapshot(&made);
    shown["group_type_id"] = json!(made.group_snapshot.group_type);
    Ok((StatusCode::ACCEPTED, axum::Json(json!({"group_snapshot": shown}))).into_response())
}

/// `POST /group_snapshots/{id}/action`: `reset_status` (3.19).
pub async fn action(
    State(verbs): State<Arc<GroupVerbs>>,
    By(caller, _): By<Volume>,
    version: Microversion,
    Path(id): Path<String>,
    Json(body, _): Json<Map<String, Value>, Volume>,
) -> Answer<StatusCode> {
    since(version, RESET)?;
    let Some(argument) = body.get("reset_status").filter(|_| body.len() == 1) else {
        return Err(Error::Invalid("Malformed request body: reset_status is wanted.".into()).into());
    };
    verbs.reset_snapshot_status(&caller, snapshot_id(&id)?, status(argument)?).await?;
    Ok(StatusCode::ACCEPTED)
}

/// Promises that one goes.
pub async fn delete(
    State(verbs): State<Arc<GroupVerbs>>,
    By(caller, _): By<Volume>,
    version: Microversion,
    Path(id): Path<String>,
) -> Answer<StatusCode> {
    since(version, FIRST)?;
    verbs.delete_snapshot(&caller, snapshot_id(&id)?).await?;
    Ok(StatusCode::ACCEPTED)
}
