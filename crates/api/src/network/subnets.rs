//! `/v2.0/subnets`

use super::fault::{Asked, Body, Fault};
use super::fields::{self, Fields, address, cidr, member, thing, things, wrong};
use super::listing::Listing;
use super::revision::wanted_revision;
use super::router::NetworkState;
use super::{path, view};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use hatchery_control::network::{NewSubnet, SubnetPatch, WantedGateway};
use hatchery_model::network::{AddressRange, HostRoute};
use serde_json::{Value, json};
use std::net::IpAddr;

const ATTRIBUTES: [&str; 16] = [
    "id",
    "network_id",
    "name",
    "description",
    "tenant_id",
    "project_id",
    "ip_version",
    "cidr",
    "gateway_ip",
    "enable_dhcp",
    "ipv6_ra_mode",
    "ipv6_address_mode",
    "subnetpool_id",
    "created_at",
    "updated_at",
    "revision_number",
];
/// What Neutron has and this deployment has not.
const IDLE: [&str; 8] = [
    "subnetpool_id",
    "use_default_subnetpool",
    "prefixlen",
    "ipv6_ra_mode",
    "ipv6_address_mode",
    "service_types",
    "segment_id",
    "dns_publish_fixed_ip",
];

/// `GET /v2.0/subnets`
pub async fn list(
    State(state): State<NetworkState>,
    asked: Asked,
    uri: Uri,
) -> Result<Json<Value>, Fault> {
    let listing = Listing::read(&uri)?;
    let found = state.verbs.subnets(&asked.0).await?;
    let rows = found.iter().map(view::subnet).collect();
    Ok(Json(listing.answer(&state, "subnets", &ATTRIBUTES, rows)?))
}

/// `GET /v2.0/subnets/{id}`
pub async fn show(
    State(state): State<NetworkState>,
    asked: Asked,
    Path(id): Path<String>,
    uri: Uri,
) -> Result<Json<Value>, Fault> {
    let id = path::id("Subnet", &id)?;
    let shown = view::subnet(&state.verbs.subnet(&asked.0, id).await?);
    Ok(Json(json!({"subnet": Listing::read(&uri)?.fields(shown)})))
}

/// `POST /v2.0/subnets`
pub async fn create(
    State(state): State<NetworkState>,
    asked: Asked,
    body: Body,
) -> Result<(StatusCode, Json<Value>), Fault> {
    let (things, bulk) = things(body.0, "subnet", "subnets")?;
    let wanted = things.into_iter().map(new).collect::<Result<Vec<_>, _>>()?;
    let made = state.verbs.create_subnets(&asked.0, wanted).await?;
    let mut shown = made.iter().map(view::subnet);
    let body = if bulk {
        json!({"subnets": shown.collect::<Vec<_>>()})
    } else {
        json!({"subnet": shown.next()})
    };
    Ok((StatusCode::CREATED, Json(body)))
}

/// `PUT /v2.0/subnets/{id}`
pub async fn update(
    State(state): State<NetworkState>,
    asked: Asked,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Value>, Fault> {
    let mut fields = thing(body.0, "subnet")?;
    fields.accept_idle(&["service_types", "segment_id", "dns_publish_fixed_ip"])?;
    let gateway = match fields.take("gateway_ip") {
        None => None,
        Some(Value::Null) => Some(None),
        Some(value) => Some(Some(address("gateway_ip", &value)?)),
    };
    let patch = SubnetPatch {
        name: fields.text("name")?,
        description: fields.text("description")?,
        gateway,
        dhcp: fields.flag("enable_dhcp")?,
        dns: dns(&mut fields)?,
        pools: pools(&mut fields)?,
        host_routes: routes(&mut fields)?,
        revision: wanted_revision(&headers)?,
    };
    fields.finish()?;
    let id = path::id("Subnet", &id)?;
    let subnet = state.verbs.update_subnet(&asked.0, id, patch).await?;
    Ok(Json(json!({"subnet": view::subnet(&subnet)})))
}

/// `DELETE /v2.0/subnets/{id}`
pub async fn delete(
    State(state): State<NetworkState>,
    asked: Asked,
    Path(id): Path<String>,
) -> Result<StatusCode, Fault> {
    let id = path::id("Subnet", &id)?;
    state.verbs.delete_subnet(&asked.0, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn new(mut fields: Fields) -> Result<NewSubnet, Fault> {
    fields.accept_idle(&IDLE)?;
    let network = fields.required("network_id", "a UUID")?;
    let ip_version = match fields.number("ip_version")? {
        None => None,
        Some(4) => Some(4),
        Some(6) => Some(6),
        Some(other) => return Err(wrong("ip_version", format!("'{other}' is not in [4, 6]"))),
    };
    let cidr = match fields.take("cidr") {
        None | Some(Value::Null) => {
            return Err(wrong("cidr", "a cidr is needed, as there are no subnet pools"));
        }
        Some(value) => cidr("cidr", &value)?,
    };
    let gateway = match fields.take("gateway_ip") {
        None => WantedGateway::Usual,
        Some(Value::Null) => WantedGateway::Absent,
        Some(value) => WantedGateway::At(address("gateway_ip", &value)?),
    };
    let new = NewSubnet {
        network,
        project: fields.project()?,
        name: fields.text("name")?.unwrap_or_default(),
        description: fields.text("description")?.unwrap_or_default(),
        ip_version,
        cidr,
        gateway,
        dhcp: fields.flag("enable_dhcp")?.unwrap_or(true),
        dns: dns(&mut fields)?.unwrap_or_default(),
        pools: pools(&mut fields)?,
        host_routes: routes(&mut fields)?.unwrap_or_default(),
    };
    fields.finish()?;
    Ok(new)
}

fn dns(fields: &mut Fields) -> Result<Option<Vec<IpAddr>>, Fault> {
    let key = "dns_nameservers";
    let Some(list) = fields.list(key)? else {
        return Ok(None);
    };
    let servers = list.iter().map(|one| address(key, one));
    servers.collect::<Result<_, _>>().map(Some)
}

fn pools(fields: &mut Fields) -> Result<Option<Vec<AddressRange>>, Fault> {
    let key = "allocation_pools";
    let Some(list) = fields.list(key)? else {
        return Ok(None);
    };
    let pools = list.iter().map(|one| {
        Ok(AddressRange { start: needed(key, one, "start")?, end: needed(key, one, "end")? })
    });
    pools.collect::<Result<_, _>>().map(Some)
}

fn routes(fields: &mut Fields) -> Result<Option<Vec<HostRoute>>, Fault> {
    let key = "host_routes";
    let Some(list) = fields.list(key)? else {
        return Ok(None);
    };
    let routes = list.iter().map(|one| {
        Ok(HostRoute {
            destination: fields::cidr(key, &one["destination"])?,
            next_hop: needed(key, one, "nexthop")?,
        })
    });
    routes.collect::<Result<_, _>>().map(Some)
}

fn needed(key: &str, object: &Value, name: &str) -> Result<IpAddr, Fault> {
    member(key, object, name, "a valid IP address")?
        .ok_or_else(|| wrong(key, format!("{object} has no {name}")))
}
