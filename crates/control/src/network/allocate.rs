//! Takes addresses and makes a port of them, in the caller's transaction; and gives them back.
//!
//! On the path of a server create, so it asks little of the database: the network with its subnets (nothing, where they have been read), one
//! free address a pool tried, and one insert each for address and port. Who may do that has been decided before.

use super::refusal::Refusal;
use crate::error::Error;
use hatchery_model::generation::Generation;
use hatchery_model::id::{HostName, NetworkId, PortId, ProjectId, SubnetId};
use hatchery_model::network::{FixedIp, MacAddress, Port, PortStatus, Subnet};
use hatchery_model::timestamp::Timestamp;
use hatchery_ports::entropy::{Entropy, random_uuid};
use hatchery_ports::store::{NetworkRows, StoreError, UnitOfWork};
use std::net::IpAddr;

pub use super::serve_dhcp::{DHCP_OWNER, network_spec};

/// Neutron's `max_fixed_ips_per_port`.
const MAX_FIXED_IPS: usize = 5;
/// So many hardware addresses are tried before a network counts as full of them.
const MAC_DRAWS: usize = 16;

/// A port that is wanted.
#[derive(Clone, Debug)]
pub struct PortRequest {
    /// On which network.
    pub network: NetworkId,
    /// For which project.
    pub project: ProjectId,
    /// Need not be unique.
    pub name: String,
    /// Free text.
    pub description: String,
    /// A hardware address; `None`: one is drawn.
    pub mac: Option<MacAddress>,
    /// `None`: an address of the first subnet of each IP version that has one left (none at all on a network without subnets). Otherwise
    /// one entry an address: of this subnet, this address, or both.
    pub fixed_ips: Option<Vec<(Option<SubnetId>, Option<IpAddr>)>>,
    /// What it is plugged into; may be empty.
    pub device_id: String,
    /// What kind of thing that is; may be empty.
    pub device_owner: String,
    /// The host of its device.
    pub host: Option<HostName>,
    /// A port that is down carries nothing.
    pub admin_state_up: bool,
}

/// Makes the port, with its addresses taken, as part of `uow`. It is `Down` until its device says otherwise.
///
/// `NotFound`: network or subnet. `Conflict`: an address is taken, or none is left. `Invalid`: an address that the network cannot have.
/// After an error the transaction has to be dropped.
pub async fn allocate_port(
    uow: &mut dyn UnitOfWork,
    entropy: &dyn Entropy,
    now: Timestamp,
    request: PortRequest,
) -> Result<Port, Error> {
    Ok(allocate(uow, entropy, now, request, None).await?)
}

/// As [`allocate_port`], with Neutron's names for what goes wrong, and port security other than the network's if wanted.
pub(super) async fn allocate(
    uow: &mut dyn UnitOfWork,
    entropy: &dyn Entropy,
    now: Timestamp,
    request: PortRequest,
    port_security: Option<bool>,
) -> Result<Port, Refusal> {
    let rows = uow
        .bundles()
        .find_network(request.network)
        .await?
        .ok_or_else(|| Error::not_found("Network", request.network))?;
    allocate_on(uow, entropy, now, request, &rows, port_security).await
}

/// The same on a network that has been read in this transaction.
pub(crate) async fn allocate_on(
    uow: &mut dyn UnitOfWork,
    entropy: &dyn Entropy,
    now: Timestamp,
    request: PortRequest,
    rows: &NetworkRows,
    port_security: Option<bool>,
) -> Result<Port, Refusal> {
    let NetworkRows { network, subnets, .. } = rows;
    let id = PortId(random_uuid(entropy));
    let fixed_ips = match &request.fixed_ips {
        None => take_any(uow, subnets, id, network.id).await?,
        Some(wanted) => {
            let trusted = request.device_owner.starts_with("network:");
            take_wanted(uow, subnets, id, network.id, wanted, trusted).await?
        }
    };
    let mut port = Port {
        id,
        generation: Generation::FIRST,
        network: network.id,
        project: request.project,
        name: request.name,
        description: request.description,
        mac: request.mac.unwrap_or_else(|| draw_mac(entropy)),
        fixed_ips,
        status: if request.device_owner == DHCP_OWNER {
            PortStatus::Active
        } else {
            PortStatus::Down
        },
        device_id: request.device_id,
        device_owner: request.device_owner,
        host: request.host,
        admin_state_up: request.admin_state_up,
        port_security: port_security.unwrap_or(network.port_security),
        created_at: now,
        updated_at: now,
    };
    let draws = if request.mac.is_some() { 1 } else { MAC_DRAWS };
    for _ in 0..draws {
        match uow.ports().insert(&port).await {
            Ok(()) => return Ok(port),
            Err(StoreError::Conflict { .. }) if request.mac.is_none() => {
                port.mac = draw_mac(entropy);
            }
            Err(StoreError::Conflict { .. }) => break,
            Err(error) => return Err(error.into()),
        }
    }
    Err(Refusal::MacAddressInUse { mac: port.mac, network: network.id })
}

fn draw_mac(entropy: &dyn Entropy) -> MacAddress {
    let mut tail = [0; 3];
    entropy.fill(&mut tail);
    MacAddress::generated(tail)
}

/// Removes a port and gives its addresses back, as part of `uow`; says whether there was one. May be repeated.
pub async fn release_port(uow: &mut dyn UnitOfWork, id: PortId) -> Result<bool, Error> {
    Ok(uow.ports().delete(id).await?)
}

/// One address of each IP version that the network has subnets of.
async fn take_any(
    uow: &mut dyn UnitOfWork,
    subnets: &[Subnet],
    port: PortId,
    network: NetworkId,
) -> Result<Vec<FixedIp>, Refusal> {
    let mut taken = Vec::new();
    for v4 in [true, false] {
        // Collected: an iterator with a closure in it, held over an await, keeps the future from being `Send`.
        let candidates: Vec<&Subnet> =
            subnets.iter().filter(|subnet| subnet.cidr.addr().is_ipv4() == v4).collect();
        if candidates.is_empty() {
            continue;
        }
        let mut found = None;
        for subnet in candidates {
            found = free_in(uow, subnet).await?;
            if found.is_some() {
                break;
            }
        }
        let fixed = found.ok_or(Refusal::IpAddressGenerationFailure(network))?;
        take(uow, fixed, port).await?;
        taken.push(fixed);
    }
    Ok(taken)
}

/// The addresses that were asked for. Addresses that are named are taken first, so that none is given away to an entry that
/// names only a subnet.
pub(super) async fn take_wanted(
    uow: &mut dyn UnitOfWork,
    subnets: &[Subnet],
    port: PortId,
    network: NetworkId,
    wanted: &[(Option<SubnetId>, Option<IpAddr>)],
    trusted: bool,
) -> Result<Vec<FixedIp>, Refusal> {
    if wanted.len() > MAX_FIXED_IPS {
        return Err(Refusal::InvalidInput(format!(
            "fixed_ips: a port has {MAX_FIXED_IPS} addresses at the most"
        )));
    }
    let mut taken: Vec<Option<FixedIp>> = vec![None; wanted.len()];
    for (place, (subnet, address)) in taken.iter_mut().zip(wanted) {
        if let Some(address) = *address {
            let fixed = locate(subnets, *subnet, address, network, trusted)?;
            take(uow, fixed, port).await?;
            *place = Some(fixed);
        }
    }
    for (place, (subnet, _)) in taken.iter_mut().zip(wanted) {
        if place.is_none() {
            let id = subnet.ok_or_else(|| {
                Refusal::InvalidInput(
                    "fixed_ips: each entry needs a subnet_id, an ip_address, or both".into(),
                )
            })?;
            let fixed = free_in(uow, subnet_of(subnets, id)?)
                .await?
                .ok_or(Refusal::IpAddressGenerationFailure(network))?;
            take(uow, fixed, port).await?;
            *place = Some(fixed);
        }
    }
    Ok(taken.into_iter().flatten().collect())
}

fn subnet_of(subnets: &[Subnet], id: SubnetId) -> Result<&Subnet, Refusal> {
    let found = subnets.iter().find(|subnet| subnet.id == id);
    Ok(found.ok_or_else(|| Error::not_found("Subnet", id))?)
}

/// The subnet in which an address may be taken. The gateway's is only for what serves the network.
fn locate(
    subnets: &[Subnet],
    named: Option<SubnetId>,
    address: IpAddr,
    network: NetworkId,
    trusted: bool,
) -> Result<FixedIp, Refusal> {
    let refused = Refusal::InvalidIpForNetwork { address, network };
    let subnet = match named {
        Some(id) => subnet_of(subnets, id)?,
        None => match subnets.iter().find(|one| one.cidr.contains(&address)) {
            Some(subnet) => subnet,
            None => return Err(refused),
        },
    };
    if !super::ranges::usable(&subnet.cidr, address) {
        return Err(refused);
    }
    let fixed = FixedIp { subnet: subnet.id, address };
    if subnet.gateway == Some(address) && !trusted {
        return Err(taken_already(fixed));
    }
    Ok(fixed)
}

async fn free_in(uow: &mut dyn UnitOfWork, subnet: &Subnet) -> Result<Option<FixedIp>, StoreError> {
    for pool in &subnet.pools {
        let addresses = uow.addresses();
        let found = addresses.find_free(subnet.id, pool.start, pool.end).await?;
        if let Some(address) = found {
            return Ok(Some(FixedIp { subnet: subnet.id, address }));
        }
    }
    Ok(None)
}

async fn take(uow: &mut dyn UnitOfWork, fixed: FixedIp, port: PortId) -> Result<(), Refusal> {
    let addresses = uow.addresses();
    match addresses.insert(fixed.subnet, fixed.address, port).await {
        Ok(()) => Ok(()),
        Err(StoreError::Conflict { .. }) => Err(taken_already(fixed)),
        Err(error) => Err(error.into()),
    }
}

fn taken_already(fixed: FixedIp) -> Refusal {
    Refusal::IpAddressAlreadyAllocated { address: fixed.address, subnet: fixed.subnet }
}
