//! Takes addresses and makes a port of them, in the caller's transaction; and gives them back.
//!
//! On the path of a server create, so it asks little of the database: the network with its subnets (nothing, where they have been read), a
//! free address where those do not tell, and one insert each for address and port. Who may do that has been decided before.

use super::refusal::Refusal;
use super::take_addresses::Taking;
use crate::error::Error;
use hatchery_model::generation::Generation;
use hatchery_model::id::{HostName, NetworkId, PortId, ProjectId, SubnetId};
use hatchery_model::network::{MacAddress, Port, PortStatus};
use hatchery_model::timestamp::Timestamp;
use hatchery_ports::entropy::{Entropy, random_uuid};
use hatchery_ports::store::{NetworkRows, StoreError, UnitOfWork};
use std::net::IpAddr;

pub use super::serve_dhcp::{DHCP_OWNER, network_spec};

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
    let mut rows = uow
        .bundles()
        .find_network(request.network)
        .await?
        .ok_or_else(|| Error::not_found("Network", request.network))?;
    allocate_on(uow, entropy, now, request, &mut rows, port_security).await
}

/// The same on a network that has been read in this transaction, and that is kept as it is then.
pub(crate) async fn allocate_on(
    uow: &mut dyn UnitOfWork,
    entropy: &dyn Entropy,
    now: Timestamp,
    request: PortRequest,
    rows: &mut NetworkRows,
    port_security: Option<bool>,
) -> Result<Port, Refusal> {
    let NetworkRows { network, subnets, first_runs, .. } = rows;
    let id = PortId(random_uuid(entropy));
    let mut taking = Taking { uow: &mut *uow, network: network.id, port: id, subnets, first_runs };
    let fixed_ips = match &request.fixed_ips {
        None => taking.any().await?,
        Some(wanted) => {
            let trusted = request.device_owner.starts_with("network:");
            taking.wanted(wanted, trusted).await?
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
