//! `/v2.0/networks`

use super::fault::{Asked, Body, Fault};
use super::fields::{Fields, thing, things, wrong};
use super::listing::Listing;
use super::revision::wanted_revision;
use super::router::NetworkState;
use super::{path, view};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use hatchery_control::network::{NetworkPatch, NewNetwork, Refusal};
use hatchery_control::policy;
use hatchery_model::caller::Caller;
use serde_json::{Value, json};

const ATTRIBUTES: [&str; 18] = [
    "id",
    "name",
    "description",
    "tenant_id",
    "project_id",
    "admin_state_up",
    "status",
    "shared",
    "router:external",
    "mtu",
    "port_security_enabled",
    "created_at",
    "updated_at",
    "revision_number",
    "provider:network_type",
    "provider:physical_network",
    "provider:segmentation_id",
    "is_default",
];
/// What Neutron has and this deployment has not.
const IDLE: [&str; 5] =
    ["availability_zone_hints", "is_default", "qos_policy_id", "dns_domain", "vlan_transparent"];

/// `GET /v2.0/networks`
pub async fn list(
    State(state): State<NetworkState>,
    asked: Asked,
    uri: Uri,
) -> Result<Json<Value>, Fault> {
    let listing = Listing::read(&uri)?;
    let found = state.verbs.networks(&asked.0).await?;
    let rows =
        found.iter().map(|(network, subnets)| view::network(&asked.0, network, subnets)).collect();
    Ok(Json(listing.answer(&state, "networks", &ATTRIBUTES, rows)?))
}

/// `GET /v2.0/networks/{id}`
pub async fn show(
    State(state): State<NetworkState>,
    asked: Asked,
    Path(id): Path<String>,
    uri: Uri,
) -> Result<Json<Value>, Fault> {
    let id = path::id("Network", &id)?;
    let (network, subnets) = state.verbs.network(&asked.0, id).await?;
    let shown = view::network(&asked.0, &network, &subnets);
    Ok(Json(json!({"network": Listing::read(&uri)?.fields(shown)})))
}

/// `POST /v2.0/networks`
pub async fn create(
    State(state): State<NetworkState>,
    asked: Asked,
    body: Body,
) -> Result<(StatusCode, Json<Value>), Fault> {
    let (things, bulk) = things(body.0, "network", "networks")?;
    let wanted = things.into_iter().map(|fields| new(&asked.0, fields));
    let wanted = wanted.collect::<Result<Vec<_>, _>>()?;
    let made = state.verbs.create_networks(&asked.0, wanted).await?;
    let mut shown = made.iter().map(|network| view::network(&asked.0, network, &[]));
    let body = if bulk {
        json!({"networks": shown.collect::<Vec<_>>()})
    } else {
        json!({"network": shown.next()})
    };
    Ok((StatusCode::CREATED, Json(body)))
}

/// `PUT /v2.0/networks/{id}`
pub async fn update(
    State(state): State<NetworkState>,
    asked: Asked,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Value>, Fault> {
    let mut fields = thing(body.0, "network")?;
    provider(&asked.0, &mut fields)?;
    fields.accept_idle(&IDLE)?;
    let patch = NetworkPatch {
        name: fields.text("name")?,
        description: fields.text("description")?,
        admin_state_up: fields.flag("admin_state_up")?,
        shared: fields.flag("shared")?,
        external: fields.flag("router:external")?,
        mtu: mtu(&mut fields)?,
        port_security: fields.flag("port_security_enabled")?,
        revision: wanted_revision(&headers)?,
    };
    fields.finish()?;
    let id = path::id("Network", &id)?;
    state.verbs.update_network(&asked.0, id, patch).await?;
    let (network, subnets) = state.verbs.network(&asked.0, id).await?;
    let shown = view::network(&asked.0, &network, &subnets);
    Ok(Json(json!({"network": shown})))
}

/// `DELETE /v2.0/networks/{id}`
pub async fn delete(
    State(state): State<NetworkState>,
    asked: Asked,
    Path(id): Path<String>,
) -> Result<StatusCode, Fault> {
    let id = path::id("Network", &id)?;
    state.verbs.delete_network(&asked.0, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn new(caller: &Caller, mut fields: Fields) -> Result<NewNetwork, Fault> {
    provider(caller, &mut fields)?;
    fields.accept_idle(&IDLE)?;
    let new = NewNetwork {
        project: fields.project()?,
        name: fields.text("name")?.unwrap_or_default(),
        description: fields.text("description")?.unwrap_or_default(),
        admin_state_up: fields.flag("admin_state_up")?.unwrap_or(true),
        shared: fields.flag("shared")?.unwrap_or(false),
        external: fields.flag("router:external")?.unwrap_or(false),
        mtu: mtu(&mut fields)?,
        port_security: fields.flag("port_security_enabled")?.unwrap_or(true),
    };
    fields.finish()?;
    Ok(new)
}

/// 0 means the usual one.
fn mtu(fields: &mut Fields) -> Result<Option<u32>, Fault> {
    match fields.number("mtu")? {
        None | Some(0) => Ok(None),
        Some(mtu) if (68..=65_535).contains(&mtu) => Ok(Some(mtu)),
        Some(mtu) => Err(wrong("mtu", format!("{mtu} is not from 68 to 65535"))),
    }
}

/// How a network is provided is for administrators to say, and there is one way.
fn provider(caller: &Caller, fields: &mut Fields) -> Result<(), Fault> {
    for key in ["provider:network_type", "provider:physical_network", "provider:segmentation_id"] {
        let Some(value) = fields.take(key) else {
            continue;
        };
        policy::admin(caller, &format!("create_network:{key}"))?;
        let usual = value.is_null() || (key == "provider:network_type" && value == "local");
        if !usual {
            return Err(Refusal::InvalidInput(format!(
                "{key} is {value}; this deployment has networks of type local only"
            ))
            .into());
        }
    }
    Ok(())
}
