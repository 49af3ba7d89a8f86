//! `POST /servers`

use super::super::envelope::{Answer, Compute};
use super::super::links;
use super::super::microversion::Microversion;
use super::super::versions::Root;
use super::wire::{BlockDevice, CreateBody, CreateServer as Asked, Networks, RequestedNic};
use crate::http::body::Json;
use crate::http::caller::By;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use hatchery_control::Error;
use hatchery_control::compute::{CreateServer, NetworkChoice, NewServer, NicChoice};
use hatchery_model::id::FlavorId;
use serde_json::json;
use std::sync::Arc;

/// Parses, decides, answers 202 with where the server will be.
pub async fn create(
    State(create): State<Arc<CreateServer>>,
    State(root): State<Root>,
    By(caller, _): By<Compute>,
    version: Microversion,
    Json(body, _): Json<CreateBody, Compute>,
) -> Answer {
    let return_reservation = body.server.return_reservation_id == Some(true);
    let password = body.server.admin_pass.clone();
    let servers = create.run(&caller, parse(body.server, version)?).await?;
    let Some(first) = servers.first() else {
        return Err(Error::Invalid("No server was asked for.".into()).into());
    };
    if return_reservation {
        let body = json!({"reservation_id": first.reservation_id});
        return Ok((StatusCode::ACCEPTED, axum::Json(body)).into_response());
    }
    let path = format!("servers/{}", first.id);
    let location = format!("{}/v2.1/{path}", root.0);
    // Clients expect a password in the answer. None is put into the guest: keys and user data are the ways in.
    let password = password.unwrap_or_else(|| first.reservation_id.clone());
    let body = json!({"server": {
        "id": first.id,
        "links": links::both(&root, &path),
        "OS-DCF:diskConfig": "MANUAL",
        "security_groups": [{"name": "default"}],
        "adminPass": password,
    }});
    Ok((StatusCode::ACCEPTED, [(header::LOCATION, location)], axum::Json(body)).into_response())
}

fn parse(asked: Asked, version: Microversion) -> Result<NewServer, Error> {
    let name = asked.name.trim().to_owned();
    if name.is_empty() || name.chars().count() > 255 {
        return Err(invalid(
            "Invalid input for field/attribute name: it must have 1 to 255 characters.",
        ));
    }
    refuse_too_new(&asked, version)?;
    let image = image_of(&asked)?;
    let image = image.parse().map_err(|_| Error::Invalid("Invalid imageRef provided.".into()))?;
    let flavor = asked.flavor.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    let min_count = asked.min_count.unwrap_or(1);
    Ok(NewServer {
        name,
        hostname: asked.hostname,
        description: asked.description,
        flavor: FlavorId::from(flavor),
        image,
        networks: networks(asked.networks, version)?,
        key_name: asked.key_name,
        user_data: asked.user_data,
        metadata: asked.metadata,
        config_drive: asked.config_drive.unwrap_or(false),
        availability_zone: zone(asked.availability_zone, asked.host.or(asked.hypervisor_hostname)),
        min_count,
        max_count: asked.max_count.unwrap_or(min_count),
        tags: asked.tags,
        security_groups: asked.security_groups.into_iter().map(|group| group.name).collect(),
    })
}

/// Fields that came with a later microversion than the request speaks.
fn refuse_too_new(asked: &Asked, version: Microversion) -> Result<(), Error> {
    let fields = [
        ("description", 19, asked.description.is_some()),
        ("tags", 52, !asked.tags.is_empty()),
        ("host", 74, asked.host.is_some()),
        ("hypervisor_hostname", 74, asked.hypervisor_hostname.is_some()),
        ("hostname", 90, asked.hostname.is_some()),
    ];
    for (field, first, given) in fields {
        if given && version.0 < first {
            return Err(Error::Invalid(format!(
                "Additional properties are not allowed ('{field}' was unexpected; it needs microversion 2.{first})"
            )));
        }
    }
    Ok(())
}

/// The image, named directly or as the one local disk of a block device mapping.
fn image_of(asked: &Asked) -> Result<&str, Error> {
    let local = |device: &BlockDevice| {
        device.source_type == "image" && device.destination_type.as_deref() == Some("local")
    };
    match asked.block_device_mapping_v2.as_slice() {
        [] if asked.image.is_empty() => Err(invalid(
            "Block Device Mapping is Invalid: give an image; booting from volumes is not available here.",
        )),
        [] => Ok(&asked.image),
        [device] if local(device) => Ok(device.uuid.as_deref().unwrap_or(&asked.image)),
        _ => Err(invalid(
            "Block Device Mapping is Invalid: only one local disk from an image is available here.",
        )),
    }
}

fn zone(zone: Option<String>, host: Option<String>) -> Option<String> {
    match host {
        Some(host) => Some(format!("{}:{host}", zone.unwrap_or_default())),
        None => zone,
    }
}

fn networks(asked: Option<Networks>, version: Microversion) -> Result<NetworkChoice, Error> {
    match asked {
        None if version.0 >= 37 => Err(invalid(
            "Invalid input for field/attribute server: 'networks' is a required property since microversion 2.37; use 'auto', 'none' or a list.",
        )),
        None => Ok(NetworkChoice::Unspecified),
        Some(Networks::Word(word)) if version.0 >= 37 && word == "auto" => Ok(NetworkChoice::Auto),
        Some(Networks::Word(word)) if version.0 >= 37 && word == "none" => Ok(NetworkChoice::None),
        Some(Networks::Word(word)) => Err(Error::Invalid(format!(
            "Invalid input for field/attribute networks: '{word}' is not a list of networks."
        ))),
        Some(Networks::List(list)) if list.is_empty() => Ok(NetworkChoice::Unspecified),
        Some(Networks::List(list)) => {
            list.into_iter().map(nic).collect::<Result<_, _>>().map(NetworkChoice::List)
        }
    }
}

fn nic(asked: RequestedNic) -> Result<NicChoice, Error> {
    let wrong = |what: &str, id: &str| {
        Error::Invalid(format!(
            "Bad networks format: {what} id '{id}' is not in proper format (UUID)."
        ))
    };
    let network = asked.uuid.map(|id| id.parse().map_err(|_| wrong("network", &id))).transpose()?;
    let port = asked.port.map(|id| id.parse().map_err(|_| wrong("port", &id))).transpose()?;
    if network.is_none() && port.is_none() {
        return Err(invalid("Bad networks format: each interface needs a uuid or a port."));
    }
    Ok(NicChoice { network, port, fixed_ip: asked.fixed_ip, tag: asked.tag })
}

fn invalid(text: &str) -> Error {
    Error::Invalid(text.into())
}
