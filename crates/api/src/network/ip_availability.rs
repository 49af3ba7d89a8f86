//! `/v2.0/network-ip-availabilities`: how full networks are.

use super::fault::{Asked, Fault};
use super::listing::Listing;
use super::path;
use super::router::NetworkState;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::Uri;
use hatchery_control::network::SubnetUse;
use hatchery_model::network::{AddressRange, Network};
use serde_json::{Value, json};
use std::net::IpAddr;

const ATTRIBUTES: [&str; 5] =
    ["network_id", "network_name", "tenant_id", "project_id", "ip_version"];

/// `GET /v2.0/network-ip-availabilities`
pub async fn list(
    State(state): State<NetworkState>,
    asked: Asked,
    uri: Uri,
) -> Result<Json<Value>, Fault> {
    let listing = Listing::read(&uri)?;
    let found = state.verbs.subnet_use(&asked.0, None).await?;
    let version = listing.only("ip_version");
    let rows = found
        .iter()
        .map(|(network, uses)| {
            let uses = uses.iter().filter(|one| is_version(one, version));
            let mut row = view(network, &uses.cloned().collect::<Vec<_>>());
            // Only there to be compared with the filter.
            row["ip_version"] = version.into();
            row
        })
        .collect();
    let collection = "network_ip_availabilities";
    let mut body = listing.answer(&state, collection, &ATTRIBUTES, rows)?;
    for row in body[collection].as_array_mut().into_iter().flatten() {
        if let Some(row) = row.as_object_mut() {
            row.remove("ip_version");
        }
    }
    Ok(Json(body))
}

fn is_version(one: &SubnetUse, wanted: Option<&str>) -> bool {
    let version = if one.subnet.cidr.addr().is_ipv4() { "4" } else { "6" };
    wanted.is_none_or(|wanted| wanted == version)
}

/// `GET /v2.0/network-ip-availabilities/{network}`
pub async fn show(
    State(state): State<NetworkState>,
    asked: Asked,
    Path(id): Path<String>,
) -> Result<Json<Value>, Fault> {
    let id = path::id("Network", &id)?;
    let found = state.verbs.subnet_use(&asked.0, Some(id)).await?;
    let shown = found.first().map(|(network, uses)| view(network, uses));
    Ok(Json(json!({"network_ip_availability": shown})))
}

fn view(network: &Network, uses: &[SubnetUse]) -> Value {
    let subnets: Vec<Value> = uses
        .iter()
        .map(|one| {
            json!({
                "subnet_id": one.subnet.id.to_string(),
                "subnet_name": one.subnet.name,
                "cidr": one.subnet.cidr.to_string(),
                "ip_version": if one.subnet.cidr.addr().is_ipv4() { 4 } else { 6 },
                "total_ips": total(one),
                "used_ips": one.taken,
            })
        })
        .collect();
    json!({
        "network_id": network.id.to_string(),
        "network_name": network.name,
        "tenant_id": network.project.as_str(),
        "project_id": network.project.as_str(),
        "total_ips": uses.iter().map(total).fold(0, u64::saturating_add),
        "used_ips": uses.iter().map(|one| one.taken).sum::<u64>(),
        "subnet_ip_availability": subnets,
    })
}

/// Addresses of the pools; a count that fits no 64 bits is shown as the largest that does.
fn total(one: &SubnetUse) -> u64 {
    let sizes = one.subnet.pools.iter().map(size);
    sizes.fold(0, u64::saturating_add)
}

fn size(pool: &AddressRange) -> u64 {
    match (pool.start, pool.end) {
        (IpAddr::V4(start), IpAddr::V4(end)) => {
            u64::from(end.to_bits().saturating_sub(start.to_bits())) + 1
        }
        (IpAddr::V6(start), IpAddr::V6(end)) => {
            let count = end.to_bits().saturating_sub(start.to_bits()).saturating_add(1);
            u64::try_from(count).unwrap_or(u64::MAX)
        }
        _ => 0,
    }
}
