//! Creates subnets: all that one request asks for, or none. Each gets the port that serves it in the same transaction.

use super::access::{changeable_network, owner};
use super::refusal::Refusal;
use super::serve_dhcp::ensure_dhcp_port;
use super::subnet_layout::{
    checked_cidr, checked_dns, checked_gateway, checked_pools, checked_routes, default_gateway,
    default_pools,
};
use hatchery_model::caller::Caller;
use hatchery_model::id::{NetworkId, ProjectId, SubnetId};
use hatchery_model::network::{AddressRange, HostRoute, Network, Subnet};
use hatchery_model::timestamp::Timestamp;
use hatchery_ports::entropy::{Entropy, random_uuid};
use hatchery_ports::store::{Store, UnitOfWork};
use ipnet::IpNet;
use std::net::IpAddr;

/// A subnet that is wanted.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub struct NewSubnet {
    pub network: NetworkId,
    /// `None`: the caller's.
    pub project: Option<ProjectId>,
    pub name: String,
    pub description: String,
    /// Has to agree with the CIDR, if given.
    pub ip_version: Option<u8>,
    pub cidr: IpNet,
    pub gateway: WantedGateway,
    pub dhcp: bool,
    pub dns: Vec<IpAddr>,
    /// `None`: all addresses but the gateway's.
    pub pools: Option<Vec<AddressRange>>,
    pub host_routes: Vec<HostRoute>,
}

/// Which gateway.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum WantedGateway {
    /// The first address.
    Usual,
    /// None at all.
    Absent,
    /// This one.
    At(IpAddr),
}

/// Inserts them.
pub(super) async fn create_subnets(
    store: &dyn Store,
    entropy: &dyn Entropy,
    now: Timestamp,
    caller: &Caller,
    wanted: Vec<NewSubnet>,
) -> Result<Vec<Subnet>, Refusal> {
    let mut uow = store.begin().await?;
    let mut made = Vec::with_capacity(wanted.len());
    for new in wanted {
        let project = owner(caller, new.project.as_ref(), "create_subnet")?;
        let network = changeable_network(&mut *uow, caller, new.network, "create_subnet").await?;
        made.push(insert_subnet(&mut *uow, entropy, now, &network, project, new).await?);
    }
    uow.commit().await?;
    Ok(made)
}

/// One subnet and its DHCP port, as part of `uow`.
pub(super) async fn insert_subnet(
    uow: &mut dyn UnitOfWork,
    entropy: &dyn Entropy,
    now: Timestamp,
    network: &Network,
    project: ProjectId,
    new: NewSubnet,
) -> Result<Subnet, Refusal> {
    let cidr = checked_cidr(new.cidr, new.ip_version)?;
    let gateway = match new.gateway {
        WantedGateway::Usual => default_gateway(&cidr),
        WantedGateway::Absent => None,
        WantedGateway::At(address) => {
            checked_gateway(&cidr, address)?;
            Some(address)
        }
    };
    let pools = match new.pools {
        None => default_pools(&cidr, gateway),
        Some(pools) => checked_pools(&cidr, gateway, pools)?,
    };
    checked_dns(&new.dns)?;
    checked_routes(&new.host_routes)?;
    refuse_overlap(uow, network, &cidr).await?;
    let subnet = Subnet {
        id: SubnetId(random_uuid(entropy)),
        network: network.id,
        project,
        name: new.name,
        description: new.description,
        cidr,
        gateway,
        dhcp: new.dhcp,
        dns: new.dns,
        pools,
        host_routes: new.host_routes,
        created_at: now,
        updated_at: now,
        revision: 1,
    };
    uow.subnets().insert(&subnet).await?;
    ensure_dhcp_port(uow, entropy, now, &subnet).await?;
    Ok(subnet)
}

/// Subnets of one network do not overlap; nor do those of networks on which the host itself has an address.
async fn refuse_overlap(
    uow: &mut dyn UnitOfWork,
    network: &Network,
    cidr: &IpNet,
) -> Result<(), Refusal> {
    let mut neighbours = vec![network.id];
    if network.host_access {
        let all = uow.networks().list(None).await?;
        neighbours = all.iter().filter(|other| other.host_access).map(|other| other.id).collect();
    }
    for neighbour in neighbours {
        for other in uow.subnets().list(Some(neighbour)).await? {
            if overlap(cidr, &other.cidr) {
                return Err(Refusal::InvalidInput(format!(
                    "the cidr {cidr} overlaps with {} of subnet {}",
                    other.cidr, other.id
                )));
            }
        }
    }
    Ok(())
}

fn overlap(one: &IpNet, other: &IpNet) -> bool {
    one.contains(other) || other.contains(one)
}
