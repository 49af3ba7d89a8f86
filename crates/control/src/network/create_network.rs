//! Creates networks: all that one request asks for, or none.

use super::access::owner;
use crate::error::Error;
use crate::policy;
use hatchery_model::caller::Caller;
use hatchery_model::id::{NetworkId, ProjectId};
use hatchery_model::network::Network;
use hatchery_model::timestamp::Timestamp;
use hatchery_ports::entropy::{Entropy, random_uuid};
use hatchery_ports::store::Store;

/// Largest packet of a network for which none is asked.
pub(super) const DEFAULT_MTU: u32 = 1500;

/// A network that is wanted.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub struct NewNetwork {
    /// `None`: the caller's.
    pub project: Option<ProjectId>,
    pub name: String,
    pub description: String,
    pub admin_state_up: bool,
    pub shared: bool,
    pub external: bool,
    /// `None`: the usual one.
    pub mtu: Option<u32>,
    pub port_security: bool,
}

/// Inserts them. Shared and external ones are for administrators.
pub(super) async fn create_networks(
    store: &dyn Store,
    entropy: &dyn Entropy,
    now: Timestamp,
    caller: &Caller,
    wanted: Vec<NewNetwork>,
) -> Result<Vec<Network>, Error> {
    let made = wanted
        .into_iter()
        .map(|new| network(entropy, now, caller, new))
        .collect::<Result<Vec<_>, _>>()?;
    let mut uow = store.begin().await?;
    for network in &made {
        uow.networks().insert(network).await?;
    }
    uow.commit().await?;
    Ok(made)
}

fn network(
    entropy: &dyn Entropy,
    now: Timestamp,
    caller: &Caller,
    new: NewNetwork,
) -> Result<Network, Error> {
    let project = owner(caller, new.project.as_ref(), "create_network")?;
    for (is_asked, what) in [(new.shared, "shared"), (new.external, "router:external")] {
        if is_asked {
            policy::admin(caller, &format!("create_network:{what}"))?;
        }
    }
    Ok(Network {
        id: NetworkId(random_uuid(entropy)),
        project,
        name: new.name,
        description: new.description,
        admin_state_up: new.admin_state_up,
        shared: new.shared,
        external: new.external,
        mtu: new.mtu.unwrap_or(DEFAULT_MTU),
        port_security: new.port_security,
        host_access: new.external,
        created_at: now,
        updated_at: now,
        revision: 1,
    })
}
