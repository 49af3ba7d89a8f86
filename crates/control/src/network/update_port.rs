//! Changes a port. What a running guest has been told of it (hardware and IP addresses) cannot change under the guest.

use super::access::changeable_port;
use super::refusal::{Refusal, same_revision};
use super::take_addresses::Taking;
use crate::error::Error;
use crate::policy;
use hatchery_model::caller::Caller;
use hatchery_model::generation::Generation;
use hatchery_model::id::{HostName, PortId, SubnetId};
use hatchery_model::network::{MacAddress, Network, Port};
use hatchery_model::timestamp::Timestamp;
use hatchery_ports::store::{Store, StoreError, UnitOfWork};
use std::collections::BTreeMap;
use std::net::IpAddr;

/// What is to be set; `None` leaves it.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs)]
pub struct PortPatch {
    pub name: Option<String>,
    pub description: Option<String>,
    pub admin_state_up: Option<bool>,
    pub mac: Option<MacAddress>,
    /// The whole new list.
    pub fixed_ips: Option<Vec<(Option<SubnetId>, Option<IpAddr>)>>,
    pub device_id: Option<String>,
    pub device_owner: Option<String>,
    /// `Some(None)` unbinds.
    pub host: Option<Option<HostName>>,
    pub port_security: Option<bool>,
    /// Only if this is its revision now.
    pub revision: Option<i64>,
}

/// Sets it.
pub(super) async fn update_port(
    store: &dyn Store,
    now: Timestamp,
    caller: &Caller,
    id: PortId,
    patch: PortPatch,
) -> Result<Port, Refusal> {
    let mut uow = store.begin().await?;
    let (mut port, network) = changeable_port(&mut *uow, caller, id, "update_port").await?;
    same_revision(patch.revision, port.generation.0)?;
    allowed(caller, &network, &port, &patch)?;
    let rewires = patch.mac.is_some_and(|mac| mac != port.mac) || patch.fixed_ips.is_some();
    if rewires && port.host.is_some() {
        return Err(Refusal::PortBound(id));
    }
    if let Some(wanted) = patch.fixed_ips {
        readdress(&mut *uow, &mut port, &wanted).await?;
    }
    port.mac = patch.mac.unwrap_or(port.mac);
    port.name = patch.name.unwrap_or(port.name);
    port.description = patch.description.unwrap_or(port.description);
    port.admin_state_up = patch.admin_state_up.unwrap_or(port.admin_state_up);
    port.device_id = patch.device_id.unwrap_or(port.device_id);
    port.device_owner = patch.device_owner.unwrap_or(port.device_owner);
    port.host = patch.host.unwrap_or(port.host);
    port.port_security = patch.port_security.unwrap_or(port.port_security);
    port.updated_at = now;
    match uow.ports().update(&port).await {
        Ok(()) => {}
        Err(StoreError::Conflict { .. }) => {
            return Err(Refusal::MacAddressInUse { mac: port.mac, network: port.network });
        }
        Err(error) => return Err(error.into()),
    }
    uow.commit().await?;
    Ok(Port { generation: Generation(port.generation.0 + 1), ..port })
}

fn allowed(
    caller: &Caller,
    network: &Network,
    port: &Port,
    patch: &PortPatch,
) -> Result<(), Error> {
    if patch.host.is_some() {
        policy::admin(caller, "update_port:binding:host_id")?;
    }
    if patch.mac.is_some_and(|mac| mac != port.mac) {
        policy::admin(caller, "update_port:mac_address")?;
    }
    let owner = patch.device_owner.as_deref().unwrap_or_default();
    for (is_asked, what) in [
        (patch.fixed_ips.is_some(), "fixed_ips"),
        (owner.starts_with("network:"), "device_owner"),
        (patch.port_security.is_some(), "port_security_enabled"),
    ] {
        if is_asked {
            policy::write(caller, &network.project, &format!("update_port:{what}"))?;
        }
    }
    Ok(())
}

async fn readdress(
    uow: &mut dyn UnitOfWork,
    port: &mut Port,
    wanted: &[(Option<SubnetId>, Option<IpAddr>)],
) -> Result<(), Refusal> {
    let subnets = uow.subnets().list(Some(port.network)).await?;
    uow.addresses().delete(port.id).await?;
    let trusted = port.device_owner.starts_with("network:");
    let (network, first_runs) = (port.network, &mut BTreeMap::new());
    let mut taking = Taking { uow, network, port: port.id, subnets: &subnets, first_runs };
    port.fixed_ips = taking.wanted(wanted, trusted).await?;
    Ok(())
}
