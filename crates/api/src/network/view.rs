//! Networks, subnets and ports as Neutron shows them.

use crate::http::time;
use hatchery_model::caller::Caller;
use hatchery_model::id::{ProjectId, SubnetId};
use hatchery_model::network::{AddressRange, HostRoute, Network, Port, PortStatus, Subnet};
use serde_json::{Value, json};
use uuid::Uuid;

/// A network; administrators see how it is provided.
pub fn network(caller: &Caller, network: &Network, subnets: &[SubnetId]) -> Value {
    let mut view = json!({
        "id": network.id.to_string(),
        "name": network.name,
        "description": network.description,
        "tenant_id": network.project.as_str(),
        "project_id": network.project.as_str(),
        "admin_state_up": network.admin_state_up,
        "status": if network.admin_state_up { "ACTIVE" } else { "DOWN" },
        "shared": network.shared,
        "router:external": network.external,
        "mtu": network.mtu,
        "port_security_enabled": network.port_security,
        "subnets": subnets.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "availability_zone_hints": [],
        "availability_zones": [],
        "ipv4_address_scope": null,
        "ipv6_address_scope": null,
        "tags": [],
        "created_at": time::seconds(network.created_at),
        "updated_at": time::seconds(network.updated_at),
        "revision_number": network.revision,
    });
    if caller.is_admin() {
        view["provider:network_type"] = "local".into();
        view["provider:physical_network"] = Value::Null;
        view["provider:segmentation_id"] = Value::Null;
    }
    view
}

/// A subnet.
pub fn subnet(subnet: &Subnet) -> Value {
    let is_v4 = subnet.cidr.addr().is_ipv4();
    json!({
        "id": subnet.id.to_string(),
        "network_id": subnet.network.to_string(),
        "name": subnet.name,
        "description": subnet.description,
        "tenant_id": subnet.project.as_str(),
        "project_id": subnet.project.as_str(),
        "ip_version": if is_v4 { 4 } else { 6 },
        "cidr": subnet.cidr.to_string(),
        "gateway_ip": subnet.gateway.map(|gateway| gateway.to_string()),
        "enable_dhcp": subnet.dhcp,
        "allocation_pools": subnet.pools.iter().map(pool).collect::<Vec<_>>(),
        "dns_nameservers": subnet.dns.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "host_routes": subnet.host_routes.iter().map(route).collect::<Vec<_>>(),
        "ipv6_ra_mode": null,
        "ipv6_address_mode": null,
        "subnetpool_id": null,
        "service_types": [],
        "tags": [],
        "created_at": time::seconds(subnet.created_at),
        "updated_at": time::seconds(subnet.updated_at),
        "revision_number": subnet.revision,
    })
}

fn pool(pool: &AddressRange) -> Value {
    json!({"start": pool.start.to_string(), "end": pool.end.to_string()})
}

fn route(route: &HostRoute) -> Value {
    json!({
        "destination": route.destination.to_string(),
        "nexthop": route.next_hop.to_string(),
    })
}

/// A port; administrators see where and how it is bound.
pub fn port(caller: &Caller, port: &Port) -> Value {
    let guarded = port.port_security && !port.device_owner.starts_with("network:");
    let groups = guarded.then(|| default_group(&port.project).to_string());
    let fixed_ips: Vec<Value> = port
        .fixed_ips
        .iter()
        .map(|fixed| {
            json!({"subnet_id": fixed.subnet.to_string(), "ip_address": fixed.address.to_string()})
        })
        .collect();
    let mut view = json!({
        "id": port.id.to_string(),
        "network_id": port.network.to_string(),
        "name": port.name,
        "description": port.description,
        "tenant_id": port.project.as_str(),
        "project_id": port.project.as_str(),
        "mac_address": port.mac.to_string(),
        "fixed_ips": fixed_ips,
        "device_id": port.device_id,
        "device_owner": port.device_owner,
        "status": status(port.status),
        "admin_state_up": port.admin_state_up,
        "port_security_enabled": port.port_security,
        "security_groups": groups.into_iter().collect::<Vec<_>>(),
        "allowed_address_pairs": [],
        "extra_dhcp_opts": [],
        "binding:vnic_type": "normal",
        "tags": [],
        "created_at": time::seconds(port.created_at),
        "updated_at": time::seconds(port.updated_at),
        "revision_number": port.generation.0,
    });
    if caller.is_admin() {
        let host = port.host.as_ref();
        view["binding:host_id"] = host.map_or("", |host| host.as_str()).into();
        view["binding:vif_type"] = if host.is_some() { "bridge" } else { "unbound" }.into();
        view["binding:vif_details"] = match host {
            Some(_) => json!({"port_filter": false, "connectivity": "l2"}),
            None => json!({}),
        };
        view["binding:profile"] = json!({});
    }
    view
}

fn status(status: PortStatus) -> &'static str {
    match status {
        PortStatus::Active => "ACTIVE",
        PortStatus::Down => "DOWN",
        PortStatus::Build => "BUILD",
    }
}

/// The id of a project's default security group: made from the project's, so that it is the same each time.
pub fn default_group(project: &ProjectId) -> Uuid {
    let name = format!("security group default of {project}");
    Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes())
}
