//! `/groups` (3.13)

use super::view;
use super::wire::{CreateBody, Removal, SourceBody, UpdateBody};
use crate::http::body::Json;
use crate::http::caller::By;
use crate::volume::address::Address;
use crate::volume::envelope::{Answer, Volume};
use crate::volume::fields::{bool_of, id_of};
use crate::volume::microversion::{Microversion, since};
use crate::volume::paging::{Pairs, flag, part};
use crate::volume::volumes::query::check_sort;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use hatchery_control::Error;
use hatchery_control::volume::{GroupDetail, GroupQuery, GroupVerbs};
use hatchery_model::caller::Caller;
use hatchery_model::id::{GroupId, ProjectId};
use hatchery_model::page::Page;
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// They came then.
const FIRST: u32 = 13;
/// Making one of another's volumes came then.
const FROM_SOURCE: u32 = 14;
/// Setting its state by hand came then.
const RESET: u32 = 20;
/// What the store sorts by.
pub const SORT_KEYS: [&str; 3] = ["name", "created_at", "id"];

fn group_id(text: &str) -> Result<GroupId, Error> {
    id_of("Group", text)
}

/// Which groups, or group snapshots, are wanted; `None`: nothing can fit.
pub fn query(pairs: &[(String, String)], caller: &Caller) -> Option<GroupQuery> {
    let mut query = GroupQuery::default();
    for (key, value) in pairs {
        match key.as_str() {
            "all_tenants" => query.all_projects = bool_of(value).unwrap_or(false),
            "project_id" if caller.is_admin() => {
                query.project = Some(ProjectId::from(value.as_str()));
            }
            "name" => query.name = Some(value.clone()),
            "group_id" => query.group = Some(value.parse().ok()?),
            _ => {}
        }
    }
    Some(query)
}

async fn listed(
    verbs: &GroupVerbs,
    (caller, address): (&Caller, &Address),
    pairs: &[(String, String)],
    path: &str,
    view: impl Fn(&GroupDetail) -> Value,
) -> Answer {
    let part = part(pairs)?;
    check_sort(&part.page.sort, &SORT_KEYS)?;
    let mut found = Vec::new();
    if let Some(query) = query(pairs, caller) {
        let more = u32::try_from(part.offset).unwrap_or(u32::MAX);
        let limit = part.page.limit.map(|limit| limit.saturating_add(more));
        if limit != Some(0) {
            let page = Page { limit, ..part.page.clone() };
            found = verbs.list(caller, &GroupQuery { page, ..query }).await?;
            found.drain(..part.offset.min(found.len()));
        }
    }
    let shown: Vec<Value> = found.iter().map(view).collect();
    let last = found.last().map(|one| one.group.id.to_string());
    let full = part.is_filled_by(shown.len());
    let mut body = json!({"groups": shown});
    if let Some(next) = address.next(path, pairs, last.as_deref(), full) {
        body["group_links"] = next;
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
    listed(&verbs, (&caller, &address), &pairs, "groups", view::brief).await
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
    let with_volumes = flag(&pairs, "list_volume")? == Some(true);
    let view = |one: &GroupDetail| view::whole(&caller, version, with_volumes, one);
    listed(&verbs, (&caller, &address), &pairs, "groups/detail", view).await
}

/// Shows one.
pub async fn show(
    State(verbs): State<Arc<GroupVerbs>>,
    By(caller, _): By<Volume>,
    version: Microversion,
    Path(id): Path<String>,
    Query(pairs): Pairs,
) -> Answer {
    since(version, FIRST)?;
    let with_volumes = flag(&pairs, "list_volume")? == Some(true);
    let found = verbs.show(&caller, group_id(&id)?).await?;
    let shown = view::whole(&caller, version, with_volumes, &found);
    Ok(axum::Json(json!({"group": shown})).into_response())
}

/// Makes one without volumes.
pub async fn create(
    State(verbs): State<Arc<GroupVerbs>>,
    By(caller, _): By<Volume>,
    version: Microversion,
    Json(body, _): Json<CreateBody, Volume>,
) -> Answer {
    since(version, FIRST)?;
    let made = verbs.create(&caller, body.parse()?).await?;
    let shown = json!({"group": view::brief(&made)});
    Ok((StatusCode::ACCEPTED, axum::Json(shown)).into_response())
}

/// `POST /groups/action`: makes one with volumes that are made of another's (3.14).
pub async fn create_from(
    State(verbs): State<Arc<GroupVerbs>>,
    By(caller, _): By<Volume>,
    version: Microversion,
    Json(body, _): Json<SourceBody, Volume>,
) -> Answer {
    since(version, FROM_SOURCE)?;
    let made = verbs.create_from(&caller, body.parse()?).await?;
    let shown = json!({"group": view::brief(&made)});
    Ok((StatusCode::ACCEPTED, axum::Json(shown)).into_response())
}

/// Changes one.
pub async fn update(
    State(verbs): State<Arc<GroupVerbs>>,
    By(caller, _): By<Volume>,
    version: Microversion,
    Path(id): Path<String>,
    Json(body, _): Json<UpdateBody, Volume>,
) -> Answer<StatusCode> {
    since(version, FIRST)?;
    verbs.update(&caller, group_id(&id)?, body.parse()?).await?;
    Ok(StatusCode::ACCEPTED)
}

/// The state in `{"status": …}`.
pub fn status(argument: &Value) -> Result<&str, Error> {
    let fields = argument.as_object().filter(|fields| fields.len() == 1);
    fields.and_then(|fields| fields.get("status")).and_then(Value::as_str).ok_or_else(|| {
        Error::Invalid("Invalid input for field/attribute reset_status: a status is wanted.".into())
    })
}

/// `POST /groups/{id}/action`: `delete`, `reset_status` (3.20); nothing of a group is replicated.
pub async fn action(
    State(verbs): State<Arc<GroupVerbs>>,
    By(caller, _): By<Volume>,
    version: Microversion,
    Path(id): Path<String>,
    Json(body, _): Json<Map<String, Value>, Volume>,
) -> Answer<StatusCode> {
    since(version, FIRST)?;
    let mut actions = body.into_iter();
    let (Some((name, argument)), None) = (actions.next(), actions.next()) else {
        return Err(
            Error::Invalid("Malformed request body: it must name one action.".into()).into()
        );
    };
    let id = group_id(&id)?;
    match name.as_str() {
        "delete" => {
            let removal: Removal = serde_json::from_value(argument).map_err(|error| {
                Error::Invalid(format!("Invalid input for field/attribute delete: {error}"))
            })?;
            verbs.delete(&caller, id, removal.with_volumes == Some(true)).await?;
            Ok(StatusCode::ACCEPTED)
        }
        "reset_status" => {
            since(version, RESET)?;
            verbs.reset_status(&caller, id, status(&argument)?).await?;
            Ok(StatusCode::ACCEPTED)
        }
        "enable_replication"
        | "disable_replication"
        | "failover_replication"
        | "list_replication_targets" => {
            verbs.show(&caller, id).await?;
            Err(Error::Unsupported(format!("{name} is not served here.")).into())
        }
        _ => Err(Error::Invalid(format!("There is no such action: {name}")).into()),
    }
}
