//! `/v2.0/ports`

use super::fault::{Asked, Body, Fault};
use super::fields::{Fields, member, thing, things, wrong};
use super::listing::Listing;
use super::revision::wanted_revision;
use super::router::NetworkState;
use super::{path, view};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use hatchery_control::Error;
use hatchery_control::network::{NewPort, PortPatch, PortQuery};
use hatchery_model::caller::Caller;
use hatchery_model::id::{HostName, ProjectId, SubnetId};
use serde_json::{Value, json};
use std::net::IpAddr;

const ATTRIBUTES: [&str; 21] = [
    "id",
    "network_id",
    "name",
    "description",
    "tenant_id",
    "project_id",
    "mac_address",
    "fixed_ips",
    "device_id",
    "device_owner",
    "status",
    "admin_state_up",
    "port_security_enabled",
    "security_groups",
    "binding:vnic_type",
    "binding:host_id",
    "binding:vif_type",
    "created_at",
    "updated_at",
    "revision_number",
    "ip_allocation",
];
/// What Neutron has and this deployment has not.
const IDLE: [&str; 7] = [
    "allowed_address_pairs",
    "extra_dhcp_opts",
    "binding:profile",
    "qos_policy_id",
    "dns_name",
    "dns_domain",
    "numa_affinity_policy",
];
const MAC: &str = "a hardware address like fa:16:3e:00:00:01";

/// Subnet and address of each entry of `fixed_ips`.
type FixedIps = Vec<(Option<SubnetId>, Option<IpAddr>)>;

/// `GET /v2.0/ports`
pub async fn list(
    State(state): State<NetworkState>,
    asked: Asked,
    uri: Uri,
) -> Result<Json<Value>, Fault> {
    let listing = Listing::read(&uri)?;
    // Only to read less: what is shown is filtered again.
    let query = PortQuery {
        network: listing.only("network_id").and_then(|id| id.parse().ok()),
        device_id: listing.only("device_id").map(str::to_owned),
        device_owner: listing.only("device_owner").map(str::to_owned),
        mac: listing.only("mac_address").and_then(|mac| mac.parse().ok()),
    };
    let found = state.verbs.ports(&asked.0, query).await?;
    let rows = found.iter().map(|port| view::port(&asked.0, port)).collect();
    Ok(Json(listing.answer(&state, "ports", &ATTRIBUTES, rows)?))
}

/// `GET /v2.0/ports/{id}`
pub async fn show(
    State(state): State<NetworkState>,
    asked: Asked,
    Path(id): Path<String>,
    uri: Uri,
) -> Result<Json<Value>, Fault> {
    let id = path::id("Port", &id)?;
    let shown = view::port(&asked.0, &state.verbs.port(&asked.0, id).await?);
    Ok(Json(json!({"port": Listing::read(&uri)?.fields(shown)})))
}

/// `POST /v2.0/ports`
pub async fn create(
    State(state): State<NetworkState>,
    asked: Asked,
    body: Body,
) -> Result<(StatusCode, Json<Value>), Fault> {
    let (things, bulk) = things(body.0, "port", "ports")?;
    let wanted = things.into_iter().map(|fields| new(&asked.0, fields));
    let wanted = wanted.collect::<Result<Vec<_>, _>>()?;
    let made = state.verbs.create_ports(&asked.0, wanted).await?;
    let mut shown = made.iter().map(|port| view::port(&asked.0, port));
    let body = if bulk {
        json!({"ports": shown.collect::<Vec<_>>()})
    } else {
        json!({"port": shown.next()})
    };
    Ok((StatusCode::CREATED, Json(body)))
}

/// `PUT /v2.0/ports/{id}`
pub async fn update(
    State(state): State<NetworkState>,
    asked: Asked,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Value>, Fault> {
    let mut fields = thing(body.0, "port")?;
    let id = path::id("Port", &id)?;
    let owner = state.verbs.port(&asked.0, id).await?.project;
    idle(&mut fields, &owner)?;
    let host = fields.text("binding:host_id")?;
    let patch = PortPatch {
        name: fields.text("name")?,
        description: fields.text("description")?,
        admin_state_up: fields.flag("admin_state_up")?,
        mac: fields.parsed("mac_address", MAC)?,
        fixed_ips: fixed_ips(&mut fields)?,
        device_id: fields.text("device_id")?,
        device_owner: fields.text("device_owner")?,
        host: host.map(|host| Some(HostName(host)).filter(|host| !host.0.is_empty())),
        port_security: fields.flag("port_security_enabled")?,
        revision: wanted_revision(&headers)?,
    };
    fields.finish()?;
    let port = state.verbs.update_port(&asked.0, id, patch).await?;
    Ok(Json(json!({"port": view::port(&asked.0, &port)})))
}

/// `DELETE /v2.0/ports/{id}`
pub async fn delete(
    State(state): State<NetworkState>,
    asked: Asked,
    Path(id): Path<String>,
) -> Result<StatusCode, Fault> {
    let id = path::id("Port", &id)?;
    state.verbs.delete_port(&asked.0, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn new(caller: &Caller, mut fields: Fields) -> Result<NewPort, Fault> {
    let network = fields.required("network_id", "a UUID")?;
    let project = fields.project()?;
    let nobody = ProjectId::from("");
    let owner = project.as_ref().or(caller.project()).unwrap_or(&nobody);
    idle(&mut fields, owner)?;
    let host = fields.text("binding:host_id")?;
    let new = NewPort {
        network,
        project,
        name: fields.text("name")?.unwrap_or_default(),
        description: fields.text("description")?.unwrap_or_default(),
        admin_state_up: fields.flag("admin_state_up")?.unwrap_or(true),
        mac: fields.parsed("mac_address", MAC)?,
        fixed_ips: fixed_ips(&mut fields)?,
        device_id: fields.text("device_id")?.unwrap_or_default(),
        device_owner: fields.text("device_owner")?.unwrap_or_default(),
        host: host.filter(|host| !host.is_empty()).map(HostName),
        port_security: fields.flag("port_security_enabled")?,
    };
    fields.finish()?;
    Ok(new)
}

/// Takes what is accepted only in its usual form.
fn idle(fields: &mut Fields, owner: &ProjectId) -> Result<(), Fault> {
    fields.accept_idle(&IDLE)?;
    match fields.take("binding:vnic_type") {
        None | Some(Value::Null) => {}
        Some(kind) if kind == "normal" => {}
        Some(kind) => {
            return Err(wrong("binding:vnic_type", format!("{kind} is not normal")));
        }
    }
    let default = view::default_group(owner).to_string();
    for group in fields.list("security_groups")?.unwrap_or_default() {
        if group != default.as_str() {
            let named = group.as_str().map_or(group.to_string(), str::to_owned);
            return Err(Error::not_found("Security group", named).into());
        }
    }
    Ok(())
}

fn fixed_ips(fields: &mut Fields) -> Result<Option<FixedIps>, Fault> {
    let key = "fixed_ips";
    let Some(list) = fields.list(key)? else {
        return Ok(None);
    };
    let entries = list.iter().map(|one| {
        Ok((
            member(key, one, "subnet_id", "a UUID")?,
            member(key, one, "ip_address", "a valid IP address")?,
        ))
    });
    entries.collect::<Result<_, _>>().map(Some)
}
