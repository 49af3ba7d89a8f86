//! The network interfaces of a server that is being made: chosen, checked and taken in the request's own transaction.

use super::new_server::{NetworkChoice, NicChoice};
use crate::error::Error;
use crate::network::allocate::{PortRequest, allocate_port};
use hatchery_model::caller::Caller;
use hatchery_model::compute::ServerNic;
use hatchery_model::id::{NetworkId, PortId, ProjectId, ServerId};
use hatchery_model::network::{Network, Port};
use hatchery_model::timestamp::Timestamp;
use hatchery_ports::entropy::Entropy;
use hatchery_ports::store::UnitOfWork;
use std::net::IpAddr;

/// An interface that may be had.
#[derive(Clone, Debug)]
pub(super) enum NicPlan {
    /// A new port on this network.
    New { network: NetworkId, fixed_ip: Option<IpAddr> },
    /// A port that is there.
    Existing(Box<Port>),
}

/// Decides what a choice means for this project.
pub(super) async fn choose(
    uow: &mut dyn UnitOfWork,
    caller: &Caller,
    project: &ProjectId,
    choice: &NetworkChoice,
) -> Result<Vec<NicPlan>, Error> {
    match choice {
        NetworkChoice::None => Ok(Vec::new()),
        NetworkChoice::Unspecified => {
            Ok(only_network(uow, caller, project).await?.into_iter().collect())
        }
        NetworkChoice::Auto => match only_network(uow, caller, project).await? {
            Some(nic) => Ok(vec![nic]),
            None => Err(Error::Invalid(format!(
                "Unable to automatically allocate a network for project {project}: it has none. Make a network with a subnet, or ask for 'none'."
            ))),
        },
        NetworkChoice::List(list) => {
            let mut nics = Vec::with_capacity(list.len());
            for nic in list {
                nics.push(named(uow, caller, project, nic).await?);
            }
            check_ports_differ(&nics)?;
            Ok(nics)
        }
    }
}

/// The one network that the project can use. More than one is ambiguous.
async fn only_network(
    uow: &mut dyn UnitOfWork,
    caller: &Caller,
    project: &ProjectId,
) -> Result<Option<NicPlan>, Error> {
    let seen = uow.networks().list(Some(project)).await?;
    let mut usable = seen.iter().filter(|network| {
        (network.project == *project || network.shared) && network.admin_state_up
    });
    let Some(network) = usable.next() else {
        return Ok(None);
    };
    if usable.next().is_some() {
        return Err(Error::Conflict(
            "Multiple possible networks found, use a Network ID to be more specific.".into(),
        ));
    }
    check_external(caller, network)?;
    Ok(Some(NicPlan::New { network: network.id, fixed_ip: None }))
}

async fn named(
    uow: &mut dyn UnitOfWork,
    caller: &Caller,
    project: &ProjectId,
    nic: &NicChoice,
) -> Result<NicPlan, Error> {
    if let Some(id) = nic.port {
        return existing(uow, caller, project, id).await;
    }
    let id = nic.network.ok_or_else(|| {
        Error::Invalid("A network interface needs a network (uuid) or a port.".into())
    })?;
    let unknown = || Error::Invalid(format!("Network {id} could not be found."));
    let network = uow.networks().find(id).await?.ok_or_else(unknown)?;
    let own = network.project == *project || caller.is_admin();
    if !own && !network.shared && !network.external {
        return Err(unknown());
    }
    check_external(caller, &network)?;
    Ok(NicPlan::New { network: id, fixed_ip: nic.fixed_ip })
}

async fn existing(
    uow: &mut dyn UnitOfWork,
    caller: &Caller,
    project: &ProjectId,
    id: PortId,
) -> Result<NicPlan, Error> {
    let unknown = || Error::Invalid(format!("Port id {id} could not be found."));
    let port = uow.ports().find(id).await?.ok_or_else(unknown)?;
    if port.project != *project && !caller.is_admin() {
        return Err(unknown());
    }
    if !port.device_id.is_empty() {
        return Err(in_use(id));
    }
    if port.fixed_ips.is_empty() && port.port_security {
        return Err(Error::Invalid(format!("Port {id} requires a FixedIP in order to be used.")));
    }
    Ok(NicPlan::Existing(Box::new(port)))
}

fn in_use(id: PortId) -> Error {
    Error::Conflict(format!("Port {id} is still in use."))
}

fn check_ports_differ(nics: &[NicPlan]) -> Result<(), Error> {
    let mut seen = Vec::new();
    for nic in nics {
        if let NicPlan::Existing(port) = nic {
            if seen.contains(&port.id) {
                return Err(in_use(port.id));
            }
            seen.push(port.id);
        }
    }
    Ok(())
}

fn check_external(caller: &Caller, network: &Network) -> Result<(), Error> {
    if network.external && !network.shared && !caller.is_admin() {
        return Err(Error::Denied(format!(
            "It is not allowed to create an interface on external network {}",
            network.id
        )));
    }
    Ok(())
}

/// Whose the interfaces are to be.
pub(super) struct Owner<'a> {
    pub(super) server: ServerId,
    pub(super) project: &'a ProjectId,
    /// `compute:<zone>`
    pub(super) device_owner: &'a str,
}

/// Takes the interfaces for a server, as part of `uow`.
pub(super) async fn plug(
    uow: &mut dyn UnitOfWork,
    entropy: &dyn Entropy,
    now: Timestamp,
    owner: &Owner<'_>,
    plans: &[NicPlan],
) -> Result<Vec<ServerNic>, Error> {
    let mut nics = Vec::with_capacity(plans.len());
    for plan in plans {
        let nic = match plan {
            NicPlan::New { network, fixed_ip } => {
                let port = new_port(uow, entropy, now, owner, *network, *fixed_ip).await?;
                ServerNic { port: port.id, network: port.network, owned: true }
            }
            NicPlan::Existing(port) => {
                let mut port = port.as_ref().clone();
                port.device_id = owner.server.to_string();
                port.device_owner = owner.device_owner.to_owned();
                port.updated_at = now;
                uow.ports().update(&port).await?;
                ServerNic { port: port.id, network: port.network, owned: false }
            }
        };
        nics.push(nic);
    }
    Ok(nics)
}

async fn new_port(
    uow: &mut dyn UnitOfWork,
    entropy: &dyn Entropy,
    now: Timestamp,
    owner: &Owner<'_>,
    network: NetworkId,
    fixed_ip: Option<IpAddr>,
) -> Result<Port, Error> {
    let request = PortRequest {
        network,
        project: owner.project.clone(),
        name: String::new(),
        description: String::new(),
        mac: None,
        fixed_ips: fixed_ip.map(|address| vec![(None, Some(address))]),
        device_id: owner.server.to_string(),
        device_owner: owner.device_owner.to_owned(),
        host: None,
        admin_state_up: true,
    };
    let port = match (allocate_port(uow, entropy, now, request).await, fixed_ip) {
        (Err(Error::Conflict(_)), Some(address)) => {
            return Err(Error::Invalid(format!(
                "Fixed IP address {address} is already in use on network {network}."
            )));
        }
        (Err(Error::NotFound { .. }), _) => {
            return Err(Error::Invalid(format!("Network {network} could not be found.")));
        }
        (allocated, _) => allocated?,
    };
    if port.fixed_ips.is_empty() && port.port_security {
        return Err(Error::Invalid(format!(
            "Network {network} requires a subnet in order to boot instances on."
        )));
    }
    Ok(port)
}
