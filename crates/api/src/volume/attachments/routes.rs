//! `/attachments` (3.27)

use super::view;
use crate::http::body::Json;
use crate::http::caller::By;
use crate::volume::address::Address;
use crate::volume::envelope::{Answer, Volume};
use crate::volume::fields::{bool_of, id_of};
use crate::volume::microversion::{Microversion, since};
use crate::volume::paging::{Pairs, part, value};
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use hatchery_control::Error;
use hatchery_control::volume::{Connector, VolumeVerbs};
use hatchery_model::caller::Caller;
use hatchery_model::id::AttachmentId;
use hatchery_model::page::Direction;
use hatchery_model::volume::Attachment;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Map, Value, json};
use std::sync::Arc;

const FIRST: u32 = 27;
/// Since then an attachment can be completed.
const COMPLETION: u32 = 44;
/// Since then the mode may be given without a connector.
const MODE: u32 = 54;

/// `{"attachment": {…}}`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateBody {
    attachment: CreateAttachment,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CreateAttachment {
    volume_uuid: String,
    #[serde(default)]
    instance_uuid: Option<String>,
    #[serde(default)]
    connector: Option<Map<String, Value>>,
    #[serde(default)]
    mode: Option<String>,
}

/// `{"attachment": {"connector": {…}}}`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UpdateBody {
    attachment: UpdateAttachment,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct UpdateAttachment {
    connector: Map<String, Value>,
}

/// `{"os-complete": …}`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CompleteBody {
    #[serde(rename = "os-complete")]
    _complete: IgnoredAny,
}

fn attachment_id(text: &str) -> Result<AttachmentId, Error> {
    id_of("Volume attachment", text)
}

fn connector(given: &Map<String, Value>) -> Connector {
    let text = |key: &str| given.get(key).and_then(Value::as_str).map(str::to_owned);
    Connector {
        host: text("host"),
        mountpoint: text("mountpoint"),
        read_only: text("mode").as_deref() == Some("ro"),
    }
}

fn not_a_uuid(field: &str, text: &str) -> Error {
    Error::Invalid(format!(
        "Invalid input for field/attribute {field}. Value: {text}. '{text}' is not a 'uuid'."
    ))
}

async fn found(
    verbs: &VolumeVerbs,
    caller: &Caller,
    pairs: &[(String, String)],
) -> Result<(Vec<Attachment>, bool), Error> {
    let part = part(pairs)?;
    let all = value(pairs, "all_tenants").is_some_and(|text| bool_of(text).unwrap_or(true));
    let (volume, server) = (value(pairs, "volume_id"), value(pairs, "instance_id"));
    // What is no id fits nothing.
    let (Ok(volume), Ok(server)) =
        (volume.map(str::parse).transpose(), server.map(str::parse).transpose())
    else {
        return Ok((Vec::new(), false));
    };
    let mut found = verbs.list_attachments(caller, all, volume, server).await?;
    for key in ["status", "attach_status"] {
        if let Some(wanted) = value(pairs, key) {
            found.retain(|one| one.state.status() == wanted);
        }
    }
    match part.page.sort.as_slice() {
        [] => found.reverse(),
        [(key, way)] if key == "created_at" => {
            if *way == Direction::Descending {
                found.reverse();
            }
        }
        [(key, _), ..] => {
            return Err(Error::Invalid(format!("Sort key passed is invalid: {key}.")));
        }
    }
    if let Some(marker) = &part.page.marker {
        let place = found.iter().position(|one| one.id.to_string() == *marker);
        found.drain(..=place.ok_or_else(|| Error::not_found("Volume attachment", marker))?);
    }
    found.drain(..part.offset.min(found.len()));
    found.truncate(part.page.limit.map_or(usize::MAX, |limit| limit as usize));
    let full = part.is_filled_by(found.len());
    Ok((found, full))
}

async fn listed(
    verbs: &VolumeVerbs,
    (caller, address): (&Caller, &Address),
    pairs: &[(String, String)],
    (path, view): (&str, fn(&Attachment) -> Value),
) -> Answer {
    let (found, full) = found(verbs, caller, pairs).await?;
    let shown: Vec<Value> = found.iter().map(view).collect();
    let last = found.last().map(|one| one.id.to_string());
    let mut body = json!({"attachments": shown});
    if let Some(next) = address.next(path, pairs, last.as_deref(), full) {
        body["attachments_links"] = next;
    }
    Ok(axum::Json(body).into_response())
}

/// A list.
pub async fn brief(
    State(verbs): State<Arc<VolumeVerbs>>,
    By(caller, _): By<Volume>,
    address: Address,
    version: Microversion,
    Query(pairs): Pairs,
) -> Answer {
    since(version, FIRST)?;
    listed(&verbs, (&caller, &address), &pairs, ("attachments", view::brief)).await
}

/// The same with times and modes.
pub async fn detail(
    State(verbs): State<Arc<VolumeVerbs>>,
    By(caller, _): By<Volume>,
    address: Address,
    version: Microversion,
    Query(pairs): Pairs,
) -> Answer {
    since(version, FIRST)?;
    listed(&verbs, (&caller, &address), &pairs, ("attachments/detail", view::listed)).await
}

/// Shows one.
pub async fn show(
    State(verbs): State<Arc<VolumeVerbs>>,
    By(caller, _): By<Volume>,
    version: Microversion,
    Path(id): Path<String>,
) -> Answer {
    since(version, FIRST)?;
    let found = verbs.find_attachment(&caller, attachment_id(&id)?).await?;
    Ok(axum::Json(view::whole(&found)).into_response())
}

/// Keeps a volume for a server, or connects it at once.
pub async fn create(
    State(verbs): State<Arc<VolumeVerbs>>,
    By(caller, _): By<Volume>,
    version: Microversion,
    Json(body, _): Json<CreateBody, Volume>,
) -> Answer {
    since(version, FIRST)?;
    let wanted = body.attachment;
    let volume = wanted.volume_uuid.parse();
    let volume = volume.map_err(|_| not_a_uuid("volume_uuid", &wanted.volume_uuid))?;
    let server = match &wanted.instance_uuid {
        None => None,
        Some(id) => Some(id.parse().map_err(|_| not_a_uuid("instance_uuid", id))?),
    };
    let read_only = match wanted.mode.as_deref() {
        None => false,
        Some("rw") if version.0 >= MODE => false,
        Some("ro") if version.0 >= MODE => true,
        Some(mode) => {
            return Err(Error::Invalid(format!(
                "Invalid input for field/attribute mode. Value: {mode}. '{mode}' is not one of ['rw', 'ro'] (since 3.54)."
            ))
            .into());
        }
    };
    let connector = wanted.connector.as_ref().map(connector);
    let made = verbs.create_attachment(&caller, volume, server, connector, read_only).await?;
    Ok(axum::Json(view::whole(&made)).into_response())
}

/// Says from where the volume is used.
pub async fn update(
    State(verbs): State<Arc<VolumeVerbs>>,
    By(caller, _): By<Volume>,
    version: Microversion,
    Path(id): Path<String>,
    Json(body, _): Json<UpdateBody, Volume>,
) -> Answer {
    since(version, FIRST)?;
    let given = &body.attachment.connector;
    if given.is_empty() {
        return Err(Error::Invalid(
            "Invalid input for field/attribute connector: it does not have enough properties."
                .into(),
        )
        .into());
    }
    let changed = verbs.update_attachment(&caller, attachment_id(&id)?, connector(given)).await?;
    Ok(axum::Json(view::whole(&changed)).into_response())
}

/// Removes one; the others of its volume are the answer.
pub async fn delete(
    State(verbs): State<Arc<VolumeVerbs>>,
    By(caller, _): By<Volume>,
    version: Microversion,
    Path(id): Path<String>,
) -> Answer {
    since(version, FIRST)?;
    let left = verbs.delete_attachment(&caller, attachment_id(&id)?).await?;
    let shown: Vec<Value> = left.iter().map(view::brief).collect();
    Ok(axum::Json(json!({"attachments": shown})).into_response())
}

/// Says that the volume is plugged (3.44).
pub async fn action(
    State(verbs): State<Arc<VolumeVerbs>>,
    By(caller, _): By<Volume>,
    version: Microversion,
    Path(id): Path<String>,
    Json(_, _): Json<CompleteBody, Volume>,
) -> Answer<StatusCode> {
    since(version, COMPLETION)?;
    verbs.complete_attachment(&caller, attachment_id(&id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}
