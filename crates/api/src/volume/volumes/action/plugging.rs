//! What Nova did before attachments were things of their own. Whatever the argument is, as in Cinder.

use super::{Asked, wrong};
use crate::volume::envelope::Answer;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use hatchery_control::Error;
use hatchery_control::volume::{Plugged, VolumeVerbs};
use hatchery_model::id::AttachmentId;
use serde_json::{Map, Value};

pub(super) async fn reserve(verbs: &VolumeVerbs, asked: &Asked<'_>) -> Answer {
    verbs.reserve_volume(asked.caller, asked.volume()?).await?;
    Ok(StatusCode::ACCEPTED.into_response())
}

pub(super) async fn unreserve(verbs: &VolumeVerbs, asked: &Asked<'_>) -> Answer {
    verbs.unreserve_volume(asked.caller, asked.volume()?).await?;
    Ok(StatusCode::ACCEPTED.into_response())
}

pub(super) async fn begin_detaching(verbs: &VolumeVerbs, asked: &Asked<'_>) -> Answer {
    verbs.begin_detaching(asked.caller, asked.volume()?).await?;
    Ok(StatusCode::ACCEPTED.into_response())
}

pub(super) async fn roll_detaching(verbs: &VolumeVerbs, asked: &Asked<'_>) -> Answer {
    verbs.roll_detaching(asked.caller, asked.volume()?).await?;
    Ok(StatusCode::ACCEPTED.into_response())
}

/// `{"instance_uuid": …, "host_name": …, "mountpoint": …, "mode": "rw"}`
pub(super) async fn attach(verbs: &VolumeVerbs, asked: &Asked<'_>) -> Answer {
    let fields = asked.fields(&["instance_uuid", "host_name", "mountpoint", "mode"])?;
    let server = match text(fields, "instance_uuid")? {
        None => None,
        Some(id) => Some(id.parse().map_err(|_| {
            Error::Invalid(format!(
                "Invalid input for field/attribute instance_uuid. Value: {id}. '{id}' is not a 'uuid'."
            ))
        })?),
    };
    let host = text(fields, "host_name")?.map(str::to_owned);
    let mountpoint = text(fields, "mountpoint")?.filter(|text| !text.is_empty());
    let mountpoint = mountpoint.ok_or_else(|| wrong("mountpoint"))?.to_owned();
    let read_only = match text(fields, "mode")? {
        None | Some("rw") => false,
        Some("ro") => true,
        Some(_) => return Err(wrong("mode").into()),
    };
    match (&server, &host) {
        (Some(server), Some(host)) => {
            return Err(Error::Invalid(format!(
                "Invalid request to attach volume to an instance {server} and a host {host} simultaneously"
            ))
            .into());
        }
        (None, None) => {
            return Err(Error::Invalid(
                "Invalid request to attach volume to an invalid target".into(),
            )
            .into());
        }
        (Some(_), None) | (None, Some(_)) => {}
    }
    let plugged = Plugged { server, host, mountpoint, read_only };
    verbs.attach_volume(asked.caller, asked.volume()?, plugged).await?;
    Ok(StatusCode::ACCEPTED.into_response())
}

/// `{"attachment_id": …}`
pub(super) async fn detach(verbs: &VolumeVerbs, asked: &Asked<'_>) -> Answer {
    let attachment = match asked.argument {
        Value::Null => None,
        _ => attachment(asked.fields(&["attachment_id"])?)?,
    };
    verbs.detach_volume(asked.caller, asked.volume()?, attachment, false).await?;
    Ok(StatusCode::ACCEPTED.into_response())
}

/// `{"attachment_id": …, "connector": …}`: whatever the volume's state is. Nothing is exported to a connector here.
pub(super) async fn force_detach(verbs: &VolumeVerbs, asked: &Asked<'_>) -> Answer {
    let attachment = attachment(asked.fields(&["attachment_id", "connector"])?)?;
    verbs.detach_volume(asked.caller, asked.volume()?, attachment, true).await?;
    Ok(StatusCode::ACCEPTED.into_response())
}

fn attachment(fields: &Map<String, Value>) -> Result<Option<AttachmentId>, Error> {
    let id = text(fields, "attachment_id")?;
    id.map(str::parse).transpose().map_err(|_| wrong("attachment_id"))
}

fn text<'a>(fields: &'a Map<String, Value>, name: &str) -> Result<Option<&'a str>, Error> {
    match fields.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => value.as_str().map(Some).ok_or_else(|| wrong(name)),
    }
}
