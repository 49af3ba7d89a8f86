//! `/volume-transfers` (3.55), and `/os-volume-transfer`, which is the same.

use super::view;
use super::wire::{AcceptBody, CreateBody};
use crate::http::body::Json;
use crate::http::caller::By;
use crate::volume::address::Address;
use crate::volume::envelope::{Answer, Volume};
use crate::volume::fields::{bool_of, id_of};
use crate::volume::microversion::Microversion;
use crate::volume::paging::{Pairs, part};
use crate::volume::volumes::query::check_sort;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use hatchery_control::Error;
use hatchery_control::volume::{TransferQuery, TransferVerbs};
use hatchery_model::caller::Caller;
use hatchery_model::id::{ProjectId, TransferId};
use hatchery_model::page::{Direction, Page};
use hatchery_model::volume::Transfer;
use serde_json::{Value, json};
use std::sync::Arc;

/// What the store sorts by.
const SORT_KEYS: [&str; 3] = ["name", "created_at", "id"];
/// Sorting and markers came then; the oldest stood first before.
const PAGING: u32 = 59;

fn transfer_id(text: &str) -> Result<TransferId, Error> {
    id_of("Transfer", text)
}

/// Which are wanted; `None`: nothing can fit.
fn query(pairs: &[(String, String)], caller: &Caller) -> Option<TransferQuery> {
    let mut query = TransferQuery::default();
    for (key, value) in pairs {
        match key.as_str() {
            // `openstacksdk` has a name of its own for it.
            "all_tenants" | "all_projects" => {
                query.all_projects = bool_of(value).unwrap_or(false);
            }
            "project_id" if caller.is_admin() => {
                query.project = Some(ProjectId::from(value.as_str()));
            }
            "name" | "display_name" => query.name = Some(value.clone()),
            "volume_id" => query.volume = Some(value.parse().ok()?),
            _ => {}
        }
    }
    Some(query)
}

async fn listed(
    verbs: &TransferVerbs,
    (caller, version, address): (&Caller, Microversion, &Address),
    pairs: &[(String, String)],
    path: &str,
    view: impl Fn(&Transfer) -> Value,
) -> Answer {
    let mut part = part(pairs)?;
    if version.0 < PAGING {
        part.page.sort = vec![("created_at".to_owned(), Direction::Ascending)];
        part.page.marker = None;
    }
    check_sort(&part.page.sort, &SORT_KEYS)?;
    let mut found = Vec::new();
    if let Some(query) = query(pairs, caller) {
        let more = u32::try_from(part.offset).unwrap_or(u32::MAX);
        let limit = part.page.limit.map(|limit| limit.saturating_add(more));
        if limit != Some(0) {
            let page = Page { limit, ..part.page.clone() };
            found = verbs.list(caller, &TransferQuery { page, ..query }).await?;
            found.drain(..part.offset.min(found.len()));
        }
    }
    let shown: Vec<Value> = found.iter().map(view).collect();
    let last = found.last().map(|one| one.id.to_string());
    let full = version.0 >= PAGING && part.is_filled_by(shown.len());
    let mut body = json!({"transfers": shown});
    if let Some(next) = address.next(path, pairs, last.as_deref(), full) {
        body["transfers_links"] = next;
    }
    Ok(axum::Json(body).into_response())
}

/// A list.
pub async fn brief(
    State(verbs): State<Arc<TransferVerbs>>,
    By(caller, _): By<Volume>,
    address: Address,
    version: Microversion,
    Query(pairs): Pairs,
) -> Answer {
    let view = |one: &Transfer| view::brief(&address, one);
    listed(&verbs, (&caller, version, &address), &pairs, "volume-transfers", view).await
}

/// The same with all that there is to tell.
pub async fn detail(
    State(verbs): State<Arc<TransferVerbs>>,
    By(caller, _): By<Volume>,
    address: Address,
    version: Microversion,
    Query(pairs): Pairs,
) -> Answer {
    let view = |one: &Transfer| view::whole(&address, version, one);
    listed(&verbs, (&caller, version, &address), &pairs, "volume-transfers/detail", view).await
}

/// Shows one.
pub async fn show(
    State(verbs): State<Arc<TransferVerbs>>,
    By(caller, _): By<Volume>,
    address: Address,
    version: Microversion,
    Path(id): Path<String>,
) -> Answer {
    let found = verbs.show(&caller, transfer_id(&id)?).await?;
    Ok(axum::Json(json!({"transfer": view::whole(&address, version, &found)})).into_response())
}

/// Offers a volume. Only this answer has the key.
pub async fn create(
    State(verbs): State<Arc<TransferVerbs>>,
    By(caller, _): By<Volume>,
    address: Address,
    version: Microversion,
    Json(body, _): Json<CreateBody, Volume>,
) -> Answer {
    let made = verbs.create(&caller, body.parse(version)?).await?;
    let mut shown = view::whole(&address, version, &made.transfer);
    shown["auth_key"] = json!(made.auth_key);
    Ok((StatusCode::ACCEPTED, axum::Json(json!({"transfer": shown}))).into_response())
}

/// Takes what is offered.
pub async fn accept(
    State(verbs): State<Arc<TransferVerbs>>,
    By(caller, _): By<Volume>,
    address: Address,
    Path(id): Path<String>,
    Json(body, _): Json<AcceptBody, Volume>,
) -> Answer {
    let taken = verbs.accept(&caller, transfer_id(&id)?, &body.parse()?).await?;
    let shown = json!({"transfer": view::brief(&address, &taken)});
    Ok((StatusCode::ACCEPTED, axum::Json(shown)).into_response())
}

/// Takes an offer back.
pub async fn delete(
    State(verbs): State<Arc<TransferVerbs>>,
    By(caller, _): By<Volume>,
    Path(id): Path<String>,
) -> Answer<StatusCode> {
    verbs.delete(&caller, transfer_id(&id)?).await?;
    Ok(StatusCode::ACCEPTED)
}
