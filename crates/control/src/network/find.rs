//! Reads networks, subnets and ports, as far as the caller sees them.

use super::access::{may_see_network, seen_network, seen_port, seen_subnet};
use crate::error::Error;
use crate::policy;
use hatchery_model::caller::Caller;
use hatchery_model::id::{NetworkId, PortId, SubnetId};
use hatchery_model::network::{MacAddress, Network, Port, Subnet};
use hatchery_ports::store::{PortFilter, Store, UnitOfWork};
use std::collections::BTreeSet;

/// What the store is asked for when ports are listed. Fewer than all, when only those can fit anyway.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs)]
pub struct PortQuery {
    pub network: Option<NetworkId>,
    pub device_id: Option<String>,
    pub device_owner: Option<String>,
    pub mac: Option<MacAddress>,
}

/// How many addresses of a subnet are taken.
#[derive(Clone, Debug)]
pub struct SubnetUse {
    /// The subnet.
    pub subnet: Subnet,
    /// Addresses that ports have.
    pub taken: u64,
}

/// One network, with the ids of its subnets.
pub(super) async fn find_network(
    store: &dyn Store,
    caller: &Caller,
    id: NetworkId,
) -> Result<(Network, Vec<SubnetId>), Error> {
    let mut uow = store.read().await?;
    let network = seen_network(&mut *uow, caller, id).await?;
    let subnets = uow.subnets().list(Some(id)).await?;
    Ok((network, subnets.iter().map(|subnet| subnet.id).collect()))
}

/// All networks that the caller sees, each with the ids of its subnets.
pub(super) async fn list_networks(
    store: &dyn Store,
    caller: &Caller,
) -> Result<Vec<(Network, Vec<SubnetId>)>, Error> {
    let mut uow = store.read().await?;
    let networks = visible_networks(&mut *uow, caller).await?;
    let subnets = uow.subnets().list(None).await?;
    let subnets_of = |network: &Network| {
        let own = subnets.iter().filter(|subnet| subnet.network == network.id);
        own.map(|subnet| subnet.id).collect()
    };
    Ok(networks
        .into_iter()
        .map(|network| {
            let own = subnets_of(&network);
            (network, own)
        })
        .collect())
}

async fn visible_networks(
    uow: &mut dyn UnitOfWork,
    caller: &Caller,
) -> Result<Vec<Network>, Error> {
    let mut networks = if caller.is_admin() {
        uow.networks().list(None).await?
    } else {
        let project = policy::reader_project(caller, "get_network")?;
        uow.networks().list(Some(project)).await?
    };
    networks.retain(|network| may_see_network(caller, network));
    Ok(networks)
}

/// One subnet.
pub(super) async fn find_subnet(
    store: &dyn Store,
    caller: &Caller,
    id: SubnetId,
) -> Result<Subnet, Error> {
    let mut uow = store.read().await?;
    Ok(seen_subnet(&mut *uow, caller, id).await?.0)
}

/// All subnets that the caller sees.
pub(super) async fn list_subnets(store: &dyn Store, caller: &Caller) -> Result<Vec<Subnet>, Error> {
    let mut uow = store.read().await?;
    let networks = visible_networks(&mut *uow, caller).await?;
    let networks: BTreeSet<NetworkId> = networks.iter().map(|network| network.id).collect();
    let mut subnets = uow.subnets().list(None).await?;
    subnets.retain(|subnet| {
        policy::may_read(caller, &subnet.project) || networks.contains(&subnet.network)
    });
    Ok(subnets)
}

/// One port.
pub(super) async fn find_port(
    store: &dyn Store,
    caller: &Caller,
    id: PortId,
) -> Result<Port, Error> {
    let mut uow = store.read().await?;
    Ok(seen_port(&mut *uow, caller, id).await?.0)
}

/// All ports that the caller sees: their own, and those on their own networks.
pub(super) async fn list_ports(
    store: &dyn Store,
    caller: &Caller,
    query: PortQuery,
) -> Result<Vec<Port>, Error> {
    let PortQuery { network, device_id, device_owner, mac } = query;
    let all = PortFilter { project: None, network, device_id, device_owner, mac };
    let mut uow = store.read().await?;
    if caller.is_admin() {
        return Ok(uow.ports().list(&all).await?);
    }
    let project = policy::reader_project(caller, "get_port")?;
    let own = PortFilter { project: Some(project.clone()), ..all.clone() };
    let mut ports = uow.ports().list(&own).await?;
    let networks = uow.networks().list(Some(project)).await?;
    let own_networks = networks.iter().filter(|one| one.project == *project);
    for own_network in own_networks {
        if network.is_none_or(|wanted| wanted == own_network.id) {
            let on_it = PortFilter { network: Some(own_network.id), ..all.clone() };
            let others = uow.ports().list(&on_it).await?;
            ports.extend(others.into_iter().filter(|port| port.project != *project));
        }
    }
    ports.sort_by_key(|port| (port.created_at, port.id));
    Ok(ports)
}

/// How full the subnets of a network are; of all networks when none is named. For administrators.
pub(super) async fn subnet_use(
    store: &dyn Store,
    caller: &Caller,
    id: Option<NetworkId>,
) -> Result<Vec<(Network, Vec<SubnetUse>)>, Error> {
    policy::admin(caller, "get_network_ip_availability")?;
    let mut uow = store.read().await?;
    let networks = match id {
        Some(id) => vec![seen_network(&mut *uow, caller, id).await?],
        None => uow.networks().list(None).await?,
    };
    let mut found = Vec::with_capacity(networks.len());
    for network in networks {
        let mut uses = Vec::new();
        for subnet in uow.subnets().list(Some(network.id)).await? {
            let taken = uow.addresses().list(subnet.id).await?.len() as u64;
            uses.push(SubnetUse { subnet, taken });
        }
        found.push((network, uses));
    }
    Ok(found)
}
