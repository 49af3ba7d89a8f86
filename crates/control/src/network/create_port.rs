//! Creates ports: all that one request asks for, or none.

use super::access::{owner, seen_network};
use super::allocate::{PortRequest, allocate};
use super::refusal::Refusal;
use crate::error::Error;
use crate::policy;
use hatchery_model::caller::Caller;
use hatchery_model::id::{HostName, NetworkId, ProjectId, SubnetId};
use hatchery_model::network::{MacAddress, Network, Port};
use hatchery_model::timestamp::Timestamp;
use hatchery_ports::entropy::Entropy;
use hatchery_ports::store::Store;
use std::net::IpAddr;

/// A port that is wanted.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub struct NewPort {
    pub network: NetworkId,
    /// `None`: the caller's.
    pub project: Option<ProjectId>,
    pub name: String,
    pub description: String,
    pub admin_state_up: bool,
    pub mac: Option<MacAddress>,
    /// As in [`PortRequest`].
    pub fixed_ips: Option<Vec<(Option<SubnetId>, Option<IpAddr>)>>,
    pub device_id: String,
    pub device_owner: String,
    pub host: Option<HostName>,
    pub port_security: Option<bool>,
}

/// Inserts them. On a network of someone else the caller takes what they get.
pub(super) async fn create_ports(
    store: &dyn Store,
    entropy: &dyn Entropy,
    now: Timestamp,
    caller: &Caller,
    wanted: Vec<NewPort>,
) -> Result<Vec<Port>, Refusal> {
    let mut uow = store.begin().await?;
    let mut made = Vec::with_capacity(wanted.len());
    for new in wanted {
        let project = owner(caller, new.project.as_ref(), "create_port")?;
        let network = seen_network(&mut *uow, caller, new.network).await?;
        allowed(caller, &network, &new)?;
        let request = PortRequest {
            network: new.network,
            project,
            name: new.name,
            description: new.description,
            mac: new.mac,
            fixed_ips: new.fixed_ips,
            device_id: new.device_id,
            device_owner: new.device_owner,
            host: new.host,
            admin_state_up: new.admin_state_up,
        };
        let port = allocate(&mut *uow, entropy, now, request, new.port_security).await?;
        made.push(port);
    }
    uow.commit().await?;
    Ok(made)
}

/// What only the network's owner or an administrator may say about a port.
fn allowed(caller: &Caller, network: &Network, new: &NewPort) -> Result<(), Error> {
    if policy::may_write(caller, &network.project) && new.host.is_none() {
        return Ok(());
    }
    if new.host.is_some() {
        policy::admin(caller, "create_port:binding:host_id")?;
    }
    let fixed = new.fixed_ips.as_deref().unwrap_or_default();
    let named = fixed.iter().any(|(_, address)| address.is_some());
    for (is_asked, what) in [
        (new.mac.is_some(), "mac_address"),
        (named, "fixed_ips:ip_address"),
        (new.device_owner.starts_with("network:"), "device_owner"),
        (new.port_security.is_some(), "port_security_enabled"),
    ] {
        if is_asked {
            policy::write(caller, &network.project, &format!("create_port:{what}"))?;
        }
    }
    Ok(())
}
