//! Changes a subnet. Turning DHCP on or off makes or removes the port that serves it.

use super::access::changeable_subnet;
use super::refusal::{Refusal, same_revision};
use super::serve_dhcp::{ensure_dhcp_port, release_dhcp_ports};
use super::subnet_layout::{
    checked_dns, checked_gateway, checked_pools, checked_routes, gateway_outside,
};
use hatchery_model::caller::Caller;
use hatchery_model::id::SubnetId;
use hatchery_model::network::{AddressRange, HostRoute, Subnet};
use hatchery_model::timestamp::Timestamp;
use hatchery_ports::entropy::Entropy;
use hatchery_ports::store::{Store, UnitOfWork};
use std::net::IpAddr;

/// What is to be set; `None` leaves it.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs)]
pub struct SubnetPatch {
    pub name: Option<String>,
    pub description: Option<String>,
    /// `Some(None)` takes the gateway away.
    pub gateway: Option<Option<IpAddr>>,
    pub dhcp: Option<bool>,
    pub dns: Option<Vec<IpAddr>>,
    pub pools: Option<Vec<AddressRange>>,
    pub host_routes: Option<Vec<HostRoute>>,
    /// Only if this is its revision now.
    pub revision: Option<i64>,
}

/// Sets it. Addresses that ports have already stay theirs.
pub(super) async fn update_subnet(
    store: &dyn Store,
    entropy: &dyn Entropy,
    now: Timestamp,
    caller: &Caller,
    id: SubnetId,
    patch: SubnetPatch,
) -> Result<Subnet, Refusal> {
    let mut uow = store.begin().await?;
    let (mut subnet, _) = changeable_subnet(&mut *uow, caller, id, "update_subnet").await?;
    same_revision(patch.revision, subnet.revision)?;
    if let Some(gateway) = patch.gateway {
        free_for_gateway(&mut *uow, &subnet, gateway).await?;
        subnet.gateway = gateway;
    }
    match patch.pools {
        Some(pools) => subnet.pools = checked_pools(&subnet.cidr, subnet.gateway, pools)?,
        None => gateway_outside(subnet.gateway, &subnet.pools)?,
    }
    if let Some(dns) = patch.dns {
        checked_dns(&dns)?;
        subnet.dns = dns;
    }
    if let Some(routes) = patch.host_routes {
        checked_routes(&routes)?;
        subnet.host_routes = routes;
    }
    subnet.name = patch.name.unwrap_or(subnet.name);
    subnet.description = patch.description.unwrap_or(subnet.description);
    subnet.dhcp = patch.dhcp.unwrap_or(subnet.dhcp);
    subnet.updated_at = now;
    subnet.revision += 1;
    uow.subnets().update(&subnet).await?;
    if subnet.dhcp {
        ensure_dhcp_port(&mut *uow, entropy, now, &subnet).await?;
    } else {
        release_dhcp_ports(&mut *uow, &subnet).await?;
    }
    uow.commit().await?;
    Ok(subnet)
}

async fn free_for_gateway(
    uow: &mut dyn UnitOfWork,
    subnet: &Subnet,
    gateway: Option<IpAddr>,
) -> Result<(), Refusal> {
    let Some(address) = gateway.filter(|_| gateway != subnet.gateway) else {
        return Ok(());
    };
    checked_gateway(&subnet.cidr, address)?;
    let free = uow.addresses().find_free(subnet.id, address, address);
    if free.await?.is_none() {
        return Err(Refusal::IpAddressAlreadyAllocated { address, subnet: subnet.id });
    }
    Ok(())
}
