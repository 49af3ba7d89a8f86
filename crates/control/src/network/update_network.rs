//! Changes a network.

use super::access::changeable_network;
use super::refusal::{Refusal, same_revision};
use crate::policy;
use hatchery_model::caller::Caller;
use hatchery_model::id::NetworkId;
use hatchery_model::network::Network;
use hatchery_model::timestamp::Timestamp;
use hatchery_ports::store::{PortFilter, Store, UnitOfWork};

/// What is to be set; `None` leaves it.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs)]
pub struct NetworkPatch {
    pub name: Option<String>,
    pub description: Option<String>,
    pub admin_state_up: Option<bool>,
    pub shared: Option<bool>,
    pub external: Option<bool>,
    pub mtu: Option<u32>,
    pub port_security: Option<bool>,
    /// Only if this is its revision now.
    pub revision: Option<i64>,
}

/// Sets it. Sharing is for administrators, and cannot end while others have ports on the network.
pub(super) async fn update_network(
    store: &dyn Store,
    now: Timestamp,
    caller: &Caller,
    id: NetworkId,
    patch: NetworkPatch,
) -> Result<Network, Refusal> {
    let mut uow = store.begin().await?;
    let mut network = changeable_network(&mut *uow, caller, id, "update_network").await?;
    same_revision(patch.revision, network.revision)?;
    if let Some(shared) = patch.shared {
        policy::admin(caller, "update_network:shared")?;
        if network.shared && !shared {
            only_own_ports(&mut *uow, &network).await?;
        }
        network.shared = shared;
    }
    if let Some(external) = patch.external {
        policy::admin(caller, "update_network:router:external")?;
        network.external = external;
    }
    network.name = patch.name.unwrap_or(network.name);
    network.description = patch.description.unwrap_or(network.description);
    network.admin_state_up = patch.admin_state_up.unwrap_or(network.admin_state_up);
    network.mtu = patch.mtu.unwrap_or(network.mtu);
    network.port_security = patch.port_security.unwrap_or(network.port_security);
    network.updated_at = now;
    network.revision += 1;
    uow.networks().update(&network).await?;
    uow.commit().await?;
    Ok(network)
}

async fn only_own_ports(uow: &mut dyn UnitOfWork, network: &Network) -> Result<(), Refusal> {
    let filter = PortFilter { network: Some(network.id), ..PortFilter::default() };
    let ports = uow.ports().list(&filter).await?;
    if ports.iter().any(|port| port.project != network.project) {
        return Err(Refusal::InvalidSharedSetting(network.id));
    }
    Ok(())
}
