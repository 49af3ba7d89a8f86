//! What of a network's specification this driver serves: its IPv4 subnets with DHCP.

use hatchery_model::id::SubnetId;
use hatchery_model::network::{HostRoute, NetworkSpec, SubnetSpec};
use hatchery_ports::network_driver::NetworkError;
use ipnet::{IpNet, Ipv4Net};
use std::net::{IpAddr, Ipv4Addr};

/// A subnet on which this host answers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct ServedSubnet {
    pub(super) id: SubnetId,
    pub(super) cidr: Ipv4Net,
    /// The host's own address on it.
    pub(super) server: Ipv4Addr,
    pub(super) gateway: Option<Ipv4Addr>,
    pub(super) dhcp: bool,
    pub(super) dns: Vec<Ipv4Addr>,
    pub(super) routes: Vec<(Ipv4Net, Ipv4Addr)>,
}

/// Least packet that IPv4 guests can live with, and most that a tap takes.
const MTU: std::ops::RangeInclusive<u32> = 576..=65_521;

/// Reads the specification. IPv6 subnets are carried and not served.
pub(super) fn served(network: &NetworkSpec) -> Result<Vec<ServedSubnet>, NetworkError> {
    if !MTU.contains(&network.mtu) {
        return Err(NetworkError::Invalid(format!(
            "the MTU of network {} is {}: it must be from {} to {}",
            network.id,
            network.mtu,
            MTU.start(),
            MTU.end()
        )));
    }
    let mut subnets = Vec::new();
    for subnet in &network.subnets {
        if let Some(served) = read(subnet)? {
            if network.host_access && served.gateway == Some(served.server) {
                return Err(NetworkError::Invalid(format!(
                    "subnet {} has the host's gateway and its DHCP server on one address, {}: give one of them another",
                    served.id, served.server
                )));
            }
            subnets.push(served);
        }
    }
    Ok(subnets)
}

fn read(subnet: &SubnetSpec) -> Result<Option<ServedSubnet>, NetworkError> {
    let (IpNet::V4(cidr), Some(server)) = (subnet.cidr, subnet.server_address) else {
        return Ok(None);
    };
    let server = match server {
        IpAddr::V4(server) if cidr.contains(&server) => server,
        other => {
            return Err(NetworkError::Invalid(format!(
                "the DHCP server's address {other} is not in {cidr} of subnet {}",
                subnet.id
            )));
        }
    };
    Ok(Some(ServedSubnet {
        id: subnet.id,
        cidr: cidr.trunc(),
        server,
        gateway: subnet.gateway.and_then(v4),
        dhcp: subnet.dhcp,
        dns: subnet.dns.iter().copied().filter_map(v4).collect(),
        routes: subnet.host_routes.iter().filter_map(route).collect(),
    }))
}

fn v4(address: IpAddr) -> Option<Ipv4Addr> {
    match address {
        IpAddr::V4(address) => Some(address),
        IpAddr::V6(_) => None,
    }
}

fn route(route: &HostRoute) -> Option<(Ipv4Net, Ipv4Addr)> {
    match (route.destination, route.next_hop) {
        (IpNet::V4(destination), IpAddr::V4(next_hop)) => Some((destination.trunc(), next_hop)),
        _ => None,
    }
}
