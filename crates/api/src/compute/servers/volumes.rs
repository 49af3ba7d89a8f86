//! `/servers/{id}/os-volume_attachments`

use super::show::id_of;
use crate::compute::envelope::{Answer, Compute};
use crate::compute::fields::{flexible_bool, present, too_new};
use crate::compute::microversion::Microversion;
use crate::http::body::Json;
use crate::http::caller::By;
use crate::http::paging;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use hatchery_control::Error;
use hatchery_control::compute::{ServerVolumeVerbs, VolumeToAttach};
use hatchery_model::id::{ServerId, VolumeId};
use hatchery_model::timestamp::Timestamp;
use hatchery_model::volume::Attachment;
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

/// Since then a volume may have a tag.
const TAG: u32 = 49;
/// Since then the tag is shown.
const SHOWN_TAG: u32 = 70;
/// Since then it is said whether the volume goes with the server.
const DELETE_ON_TERMINATION: u32 = 79;
/// Since then that can be changed.
const UPDATE: u32 = 85;
/// Since then the attachment's own id is shown.
const ATTACHMENT_ID: u32 = 89;

/// `{"volumeAttachment": {…}}`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateBody {
    #[serde(rename = "volumeAttachment")]
    attachment: NewAttachment,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct NewAttachment {
    #[serde(rename = "volumeId")]
    volume: String,
    #[serde(default)]
    device: Option<String>,
    #[serde(default, deserialize_with = "present")]
    tag: Option<String>,
    #[serde(default, deserialize_with = "flexible_bool")]
    delete_on_termination: Option<bool>,
}

/// The same, with all that is shown of one since 2.85.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UpdateBody {
    #[serde(rename = "volumeAttachment")]
    attachment: ChangedAttachment,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ChangedAttachment {
    #[serde(rename = "volumeId")]
    volume: String,
    #[serde(default, deserialize_with = "present")]
    id: Option<String>,
    #[serde(rename = "serverId", default, deserialize_with = "present")]
    server: Option<String>,
    #[serde(default)]
    device: Option<String>,
    #[serde(default, deserialize_with = "present")]
    tag: Option<String>,
    #[serde(default, deserialize_with = "flexible_bool")]
    delete_on_termination: Option<bool>,
}

fn view(attachment: &Attachment, server: ServerId, version: Microversion) -> Value {
    let mut shown = json!({"volumeId": attachment.volume, "serverId": server});
    if let Some(device) = &attachment.mountpoint {
        shown["device"] = json!(device);
    }
    if version.0 >= SHOWN_TAG {
        shown["tag"] = json!(attachment.guest.tag);
    }
    if version.0 >= DELETE_ON_TERMINATION {
        shown["delete_on_termination"] = json!(attachment.guest.delete_on_termination);
    }
    if version.0 >= ATTACHMENT_ID {
        shown["attachment_id"] = json!(attachment.id);
        shown["bdm_uuid"] = json!(attachment.id);
    } else {
        shown["id"] = json!(attachment.volume);
    }
    shown
}

/// Where it stands among a server's volumes: in the order in which they came, those that came together by device.
pub fn place(attachment: &Attachment) -> (Timestamp, Option<String>) {
    (attachment.created_at, attachment.mountpoint.clone())
}

/// The id of a volume in a path.
fn in_path(text: &str) -> Result<VolumeId, Error> {
    text.parse().map_err(|_| Error::not_found("Volume", text))
}

/// The same in a body.
fn in_body(text: &str) -> Result<VolumeId, Error> {
    text.parse().map_err(|_| {
        Error::Invalid(format!(
            "Invalid input for field/attribute volumeId. Value: {text}. '{text}' is not a 'uuid'"
        ))
    })
}

/// Lists.
pub async fn list(
    State(verbs): State<Arc<ServerVolumeVerbs>>,
    By(caller, _): By<Compute>,
    version: Microversion,
    Path(id): Path<String>,
    Query(pairs): Query<Vec<(String, String)>>,
) -> Answer {
    let server = id_of(&id)?;
    let page = paging::page(&pairs, Some(paging::MAX_LIMIT))?;
    let offset = pairs.iter().find(|(key, _)| key == "offset").map_or(Ok(0), |(_, text)| {
        text.parse::<usize>().map_err(|_| {
            Error::Invalid(format!("Invalid input for query parameters offset. Value: {text}"))
        })
    })?;
    let mut all = verbs.list(&caller, server).await?;
    all.sort_by_key(place);
    let limit = page.limit.filter(|limit| *limit > 0).unwrap_or(paging::MAX_LIMIT);
    let part = all.iter().skip(offset).take(limit as usize);
    let shown: Vec<Value> = part.map(|one| view(one, server, version)).collect();
    Ok(axum::Json(json!({"volumeAttachments": shown})).into_response())
}

/// Shows one.
pub async fn show(
    State(verbs): State<Arc<ServerVolumeVerbs>>,
    By(caller, _): By<Compute>,
    version: Microversion,
    Path((id, volume)): Path<(String, String)>,
) -> Answer {
    let server = id_of(&id)?;
    let found = verbs.find(&caller, server, in_path(&volume)?).await?;
    Ok(axum::Json(json!({"volumeAttachment": view(&found, server, version)})).into_response())
}

/// Plugs a volume.
pub async fn attach(
    State(verbs): State<Arc<ServerVolumeVerbs>>,
    By(caller, _): By<Compute>,
    version: Microversion,
    Path(id): Path<String>,
    Json(body, _): Json<CreateBody, Compute>,
) -> Answer {
    let wanted = body.attachment;
    too_new(version, "tag", TAG, wanted.tag.is_some())?;
    let asked = wanted.delete_on_termination;
    too_new(version, "delete_on_termination", DELETE_ON_TERMINATION, asked.is_some())?;
    if wanted.tag.as_deref().is_some_and(|tag| !super::create::is_tag(tag)) {
        return Err(Error::Invalid(
            "Invalid input for field/attribute tag. 1 to 60 characters are wanted, none of them '/' or ','.".into(),
        )
        .into());
    }
    let new = VolumeToAttach {
        volume: in_body(&wanted.volume)?,
        device: wanted.device.filter(|device| !device.is_empty()),
        tag: wanted.tag,
        delete_on_termination: asked.unwrap_or(false),
    };
    let server = id_of(&id)?;
    let made = verbs.attach(&caller, server, new).await?;
    // Its own id came to this answer never.
    let version = Microversion(version.0.min(ATTACHMENT_ID - 1));
    Ok(axum::Json(json!({"volumeAttachment": view(&made, server, version)})).into_response())
}

/// Puts another volume in its place, or (2.85, the same volume) changes what becomes of it when the server goes.
pub async fn update(
    State(verbs): State<Arc<ServerVolumeVerbs>>,
    By(caller, _): By<Compute>,
    version: Microversion,
    Path((id, volume)): Path<(String, String)>,
    Json(body, _): Json<UpdateBody, Compute>,
) -> Answer<StatusCode> {
    let wanted = body.attachment;
    for (field, is_given) in [
        ("id", wanted.id.is_some()),
        ("serverId", wanted.server.is_some()),
        ("device", wanted.device.is_some()),
        ("tag", wanted.tag.is_some()),
        ("delete_on_termination", wanted.delete_on_termination.is_some()),
    ] {
        too_new(version, field, UPDATE, is_given)?;
    }
    let (server, other) = (id_of(&id)?, in_body(&wanted.volume)?);
    if version.0 < UPDATE || in_path(&volume)? != other {
        verbs.swap(&caller, server, in_path(&volume)?, other).await?;
        return Ok(StatusCode::ACCEPTED);
    }
    let found = verbs.find(&caller, server, other).await?;
    let (tag, device) = (&found.guest.tag, &found.mountpoint);
    for (field, differs) in [
        ("id", wanted.id.is_some_and(|text| text != volume)),
        ("serverId", wanted.server.is_some_and(|text| text != id)),
        ("device", wanted.device.is_some() && wanted.device != *device),
        ("tag", wanted.tag.is_some() && wanted.tag != *tag),
    ] {
        if differs {
            return Err(Error::Invalid(format!("The {field} property is not mutable")).into());
        }
    }
    let on = wanted.delete_on_termination.unwrap_or(found.guest.delete_on_termination);
    verbs.set_delete_on_termination(&caller, server, other, on).await?;
    Ok(StatusCode::ACCEPTED)
}

/// Takes a volume out.
pub async fn detach(
    State(verbs): State<Arc<ServerVolumeVerbs>>,
    By(caller, _): By<Compute>,
    Path((id, volume)): Path<(String, String)>,
) -> Answer<StatusCode> {
    verbs.detach(&caller, id_of(&id)?, in_path(&volume)?).await?;
    Ok(StatusCode::ACCEPTED)
}
