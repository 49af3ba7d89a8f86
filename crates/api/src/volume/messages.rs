//! `/messages` (3.3)

use super::address::Address;
use super::envelope::{Answer, Volume};
use super::fields::id_of;
use super::microversion::{Microversion, since};
use super::paging::{Pairs, part, value};
use crate::http::caller::By;
use crate::http::time;
use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use hatchery_control::Error;
use hatchery_control::volume::MessageVerbs;
use hatchery_model::page::Direction;
use hatchery_model::volume::VolumeMessage;
use serde_json::{Value, json};
use std::sync::Arc;

const FIRST: u32 = 3;
/// Filters and pages came then.
const PAGES: u32 = 5;
/// All that is told is that something went wrong.
const LEVEL: &str = "ERROR";

fn event(message: &VolumeMessage) -> String {
    format!("VOLUME_{}_{}_{}", message.resource_type, message.action, message.detail)
}

fn view(address: &Address, message: &VolumeMessage) -> Value {
    json!({
        "id": message.id,
        "event_id": event(message),
        "user_message": message.text,
        "message_level": LEVEL,
        "created_at": time::micros(message.created_at),
        "guaranteed_until": time::micros(message.expires_at),
        "request_id": message.request,
        "resource_type": message.resource_type,
        "resource_uuid": message.resource,
        "links": address.links(&format!("messages/{}", message.id)),
    })
}

fn fits(message: &VolumeMessage, pairs: &[(String, String)]) -> bool {
    pairs.iter().all(|(key, wanted)| match key.as_str() {
        "resource_uuid" => message.resource == *wanted,
        "resource_type" => message.resource_type.eq_ignore_ascii_case(wanted),
        "request_id" => message.request.as_str() == wanted,
        "event_id" => event(message) == *wanted,
        "message_level" => wanted == LEVEL,
        _ => true,
    })
}

/// Those of the caller's project.
pub async fn list(
    State(verbs): State<Arc<MessageVerbs>>,
    By(caller, _): By<Volume>,
    address: Address,
    version: Microversion,
    Query(pairs): Pairs,
) -> Answer {
    since(version, FIRST)?;
    let mut all = verbs.list(&caller).await?;
    if version.0 < PAGES {
        let shown: Vec<Value> = all.iter().map(|one| view(&address, one)).collect();
        return Ok(Json(json!({"messages": shown})).into_response());
    }
    let part = part(&pairs)?;
    match part.page.sort.as_slice() {
        [] => {}
        [(key, way)] if key == "created_at" => {
            if *way == Direction::Ascending {
                all.reverse();
            }
        }
        [(key, _), ..] => {
            return Err(Error::Invalid(format!("Sort key passed is invalid: {key}.")).into());
        }
    }
    all.retain(|message| fits(message, &pairs));
    if let Some(marker) = value(&pairs, "marker") {
        let place = all.iter().position(|one| one.id.to_string() == marker);
        all.drain(..=place.ok_or_else(|| Error::not_found("Message", marker))?);
    }
    all.drain(..part.offset.min(all.len()));
    all.truncate(part.page.limit.map_or(usize::MAX, |limit| limit as usize));
    let shown: Vec<Value> = all.iter().map(|one| view(&address, one)).collect();
    let last = all.last().map(|one| one.id.to_string());
    let full = part.is_filled_by(shown.len());
    let mut body = json!({"messages": shown});
    if let Some(next) = address.next("messages", &pairs, last.as_deref(), full) {
        body["messages_links"] = next;
    }
    Ok(Json(body).into_response())
}

/// One.
pub async fn show(
    State(verbs): State<Arc<MessageVerbs>>,
    By(caller, _): By<Volume>,
    address: Address,
    version: Microversion,
    Path(id): Path<String>,
) -> Answer {
    since(version, FIRST)?;
    let message = verbs.show(&caller, id_of("Message", &id)?).await?;
    Ok(Json(json!({"message": view(&address, &message)})).into_response())
}

/// Removes one.
pub async fn delete(
    State(verbs): State<Arc<MessageVerbs>>,
    By(caller, _): By<Volume>,
    version: Microversion,
    Path(id): Path<String>,
) -> Answer<StatusCode> {
    since(version, FIRST)?;
    verbs.delete(&caller, id_of("Message", &id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}
