//! `POST /servers`

use super::disks;
use super::wire::{CreateBody, CreateServer as Asked, Networks, RequestedNic};
use crate::compute::envelope::{Answer, Compute};
use crate::compute::fields::{self, too_new};
use crate::compute::links;
use crate::compute::microversion::{MAX, Microversion};
use crate::compute::versions::Root;
use crate::http::body::Json;
use crate::http::caller::By;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use hatchery_control::Error;
use hatchery_control::compute::{CreateServer, NetworkChoice, NewServer, NicChoice};
use hatchery_model::id::FlavorId;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Parses, decides, answers 202 with where the server will be.
pub async fn create(
    State(create): State<Arc<CreateServer>>,
    State(root): State<Root>,
    By(caller, _): By<Compute>,
    version: Microversion,
    Json(body, _): Json<CreateBody, Compute>,
) -> Answer {
    check_hints(&body.hints)?;
    check_hints(&body.older_hints)?;
    let return_reservation = body.server.return_reservation_id == Some(true);
    let new = parse(body.server, version)?;
    let groups = match new.security_groups.as_slice() {
        [] => json!([{"name": "default"}]),
        named => named.iter().map(|name| json!({"name": name})).collect(),
    };
    let servers = create.run(&caller, new).await?;
    let Some(first) = servers.first() else {
        return Err(Error::Invalid("No server was asked for.".into()).into());
    };
    if return_reservation {
        let body = json!({"reservation_id": first.reservation_id});
        return Ok((StatusCode::ACCEPTED, axum::Json(body)).into_response());
    }
    let path = format!("servers/{}", first.id);
    let location = format!("{}/v2.1/{path}", root.0);
    let shown = json!({
        "id": first.id,
        "links": links::both(&root, &path),
        "OS-DCF:diskConfig": "MANUAL",
        "security_groups": groups,
    });
    // No password is put into the guest, and none is told: as Nova with enable_instance_password off.
    let headers = [(header::LOCATION, location)];
    Ok((StatusCode::ACCEPTED, headers, axum::Json(json!({"server": shown}))).into_response())
}

fn parse(asked: Asked, version: Microversion) -> Result<NewServer, Error> {
    check_texts(&asked, version)?;
    refuse_too_new(&asked, version)?;
    let (mapped, older) = (asked.block_device_mapping_v2, asked.block_device_mapping);
    let disks = disks::parse(&asked.image, mapped, older, version)?;
    let flavor = asked.flavor.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    let min_count = asked.min_count.unwrap_or(1);
    let host = asked.host.or(asked.hypervisor_hostname);
    let groups = asked.security_groups.unwrap_or_default();
    Ok(NewServer {
        name: asked.name,
        hostname: asked.hostname,
        description: asked.description.flatten(),
        flavor: FlavorId::from(flavor),
        image: disks.image,
        disks: disks.volumes,
        networks: networks(asked.networks, version)?,
        key_name: asked.key_name,
        user_data: asked.user_data,
        metadata: asked.metadata,
        config_drive: asked.config_drive.unwrap_or(false),
        availability_zone: zone(asked.availability_zone, host),
        min_count,
        max_count: asked.max_count.unwrap_or(min_count),
        tags: asked.tags.unwrap_or_default(),
        access_ipv4: asked.access_ipv4,
        access_ipv6: asked.access_ipv6,
        security_groups: groups.into_iter().map(|group| group.name).collect(),
    })
}

/// Hints that no filter looks at are ignored, as in Nova; a group of servers would have to be there.
fn check_hints(hints: &BTreeMap<String, Value>) -> Result<(), Error> {
    match hints.get("group") {
        Some(group) => Err(Error::Invalid(format!(
            "Instance group {group} could not be found: there are no groups of servers here."
        ))),
        None => Ok(()),
    }
}

fn check_texts(asked: &Asked, version: Microversion) -> Result<(), Error> {
    fields::name("name", &asked.name)?;
    for (field, text) in
        [("key_name", &asked.key_name), ("availability_zone", &asked.availability_zone)]
    {
        text.as_ref().map_or(Ok(()), |text| fields::name(field, text))?;
    }
    for group in asked.security_groups.iter().flatten() {
        fields::name("security_groups", &group.name)?;
    }
    if let Some(Some(description)) = &asked.description {
        fields::description(description)?;
    }
    // Hosts are named as host names are since 2.94.
    for (hostname, rules) in
        [(&asked.hostname, version), (&asked.host, MAX), (&asked.hypervisor_hostname, MAX)]
    {
        hostname.as_ref().map_or(Ok(()), |text| fields::hostname(text, rules))?;
    }
    Ok(())
}

/// Fields that came with a later microversion than the request speaks.
fn refuse_too_new(asked: &Asked, version: Microversion) -> Result<(), Error> {
    for (field, first, is_given) in [
        ("description", 19, asked.description.is_some()),
        ("tags", 52, asked.tags.is_some()),
        ("host", 74, asked.host.is_some()),
        ("hypervisor_hostname", 74, asked.hypervisor_hostname.is_some()),
        ("hostname", 90, asked.hostname.is_some()),
    ] {
        too_new(version, field, first, is_given)?;
    }
    Ok(())
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
            let nics: Result<_, _> = list.into_iter().map(|asked| nic(asked, version)).collect();
            Ok(NetworkChoice::List(nics?))
        }
    }
}

fn nic(asked: RequestedNic, version: Microversion) -> Result<NicChoice, Error> {
    let wrong = |what: &str, id: &str| {
        Error::Invalid(format!(
            "Bad networks format: {what} id '{id}' is not in proper format (UUID)."
        ))
    };
    // Tags came with 2.32, were lost in 2.37, and came back.
    let first = if version.0 < 37 { 32 } else { 42 };
    too_new(version, "tag", first, asked.tag.is_some())?;
    if asked.tag.as_deref().is_some_and(|tag| !is_tag(tag)) {
        return Err(invalid(
            "Invalid input for field/attribute tag. 1 to 60 characters are wanted, none of them '/' or ','.",
        ));
    }
    let network = asked.uuid.map(|id| id.parse().map_err(|_| wrong("network", &id))).transpose()?;
    let port = asked.port.map(|id| id.parse().map_err(|_| wrong("port", &id))).transpose()?;
    if network.is_none() && port.is_none() {
        return Err(invalid("Bad networks format: each interface needs a uuid or a port."));
    }
    Ok(NicChoice { network, port, fixed_ip: asked.fixed_ip, tag: asked.tag })
}

/// Whether it can be a label of an interface or a volume.
pub fn is_tag(text: &str) -> bool {
    (1..=60).contains(&text.chars().count()) && !text.contains([',', '/'])
}

fn invalid(text: &str) -> Error {
    Error::Invalid(text.into())
}
