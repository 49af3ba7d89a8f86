//! What a host has to know of a network, with the addresses from which it serves there.

use super::allocate::{PortRequest, allocate};
use super::refusal::Refusal;
use crate::error::Error;
use hatchery_model::id::{NetworkId, SubnetId};
use hatchery_model::network::{NetworkSpec, Port, Subnet, SubnetSpec};
use hatchery_model::timestamp::Timestamp;
use hatchery_ports::entropy::Entropy;
use hatchery_ports::store::{NetworkRows, PortFilter, UnitOfWork};
use std::net::IpAddr;

pub use hatchery_model::network::DHCP_OWNER;

/// What a host builds for a network. Subnets with DHCP have a port that keeps the server's address: made with the subnet, so that
/// this only reads (and a reading transaction will do), unless such a port is missing. May be repeated.
///
/// `NotFound`: the network. `Conflict`: a port was missing, and no address is left for it.
pub async fn network_spec(
    uow: &mut dyn UnitOfWork,
    entropy: &dyn Entropy,
    now: Timestamp,
    network: NetworkId,
) -> Result<NetworkSpec, Error> {
    let unknown = || Error::not_found("Network", network);
    let rows = uow.bundles().find_network(network).await?.ok_or_else(unknown)?;
    if let Some(spec) = spec_of(&rows) {
        return Ok(spec);
    }
    for subnet in &rows.subnets {
        ensure_dhcp_port(uow, entropy, now, subnet).await?;
    }
    let rows = uow.bundles().find_network(network).await?;
    rows.as_ref().and_then(spec_of).ok_or_else(unknown)
}

/// The same from rows that have been read. `None`: a subnet lacks the port that keeps its server's address.
pub(crate) fn spec_of(rows: &NetworkRows) -> Option<NetworkSpec> {
    let mut subnets = Vec::with_capacity(rows.subnets.len());
    for subnet in &rows.subnets {
        let server_address = address_in(&rows.dhcp_ports, subnet.id);
        if serves(subnet) && server_address.is_none() {
            return None;
        }
        subnets.push(SubnetSpec {
            id: subnet.id,
            cidr: subnet.cidr,
            gateway: subnet.gateway,
            dhcp: serves(subnet),
            server_address,
            dns: subnet.dns.clone(),
            host_routes: subnet.host_routes.clone(),
        });
    }
    Some(NetworkSpec {
        id: rows.network.id,
        mtu: rows.network.mtu,
        host_access: rows.network.host_access,
        subnets,
    })
}

/// Whether hosts hand out the subnet's addresses. DHCP is spoken for IPv4 only.
fn serves(subnet: &Subnet) -> bool {
    subnet.dhcp && subnet.cidr.addr().is_ipv4()
}

/// The port that keeps the DHCP server's address in a subnet; made if it is not there. The address, or `None` for a subnet that is not served.
pub(super) async fn ensure_dhcp_port(
    uow: &mut dyn UnitOfWork,
    entropy: &dyn Entropy,
    now: Timestamp,
    subnet: &Subnet,
) -> Result<Option<IpAddr>, Refusal> {
    if !serves(subnet) {
        return Ok(None);
    }
    let present = dhcp_ports(uow, subnet.network).await?;
    if let Some(address) = address_in(&present, subnet.id) {
        return Ok(Some(address));
    }
    let request = PortRequest {
        network: subnet.network,
        project: subnet.project.clone(),
        name: String::new(),
        description: String::new(),
        mac: None,
        fixed_ips: Some(vec![(Some(subnet.id), None)]),
        device_id: format!("dhcp{}", subnet.id),
        device_owner: DHCP_OWNER.into(),
        host: None,
        admin_state_up: true,
    };
    let port = allocate(uow, entropy, now, request, None).await?;
    Ok(port.fixed_ips.first().map(|fixed| fixed.address))
}

/// Removes the ports that serve a subnet.
pub(super) async fn release_dhcp_ports(
    uow: &mut dyn UnitOfWork,
    subnet: &Subnet,
) -> Result<(), Error> {
    for port in dhcp_ports(uow, subnet.network).await? {
        if port.fixed_ips.iter().any(|fixed| fixed.subnet == subnet.id) {
            uow.ports().delete(port.id).await?;
        }
    }
    Ok(())
}

/// The ports that keep addresses for DHCP on a network.
pub(super) async fn dhcp_ports(
    uow: &mut dyn UnitOfWork,
    network: NetworkId,
) -> Result<Vec<Port>, Error> {
    let filter = PortFilter {
        network: Some(network),
        device_owner: Some(DHCP_OWNER.into()),
        ..PortFilter::default()
    };
    Ok(uow.ports().list(&filter).await?)
}

fn address_in(ports: &[Port], subnet: SubnetId) -> Option<IpAddr> {
    let fixed = ports.iter().flat_map(|port| &port.fixed_ips);
    fixed.filter(|fixed| fixed.subnet == subnet).map(|fixed| fixed.address).next()
}
