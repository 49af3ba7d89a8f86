//! The network interfaces of a server that is being made: chosen, checked and taken in the request's own transaction.

use super::new_server::{NetworkChoice, NicChoice};
use crate::error::Error;
use crate::network::{PortRequest, allocate_on, spec_of};
use crate::workflow::guest_spec::Specs;
use hatchery_model::caller::Caller;
use hatchery_model::compute::ServerNic;
use hatchery_model::id::{NetworkId, PortId, ProjectId, ServerId};
use hatchery_model::network::{Network, Port};
use hatchery_model::timestamp::Timestamp;
use hatchery_ports::entropy::Entropy;
use hatchery_ports::store::{NetworkNames, NetworkRows, UnitOfWork};
use std::net::IpAddr;

/// An interface that may be had.
#[derive(Clone, Debug)]
pub(super) enum NicPlan {
    /// A new port on this network.
    New { network: NetworkId, fixed_ip: Option<IpAddr> },
    /// A port that is there.
    Existing(Box<Port>),
}

impl NicPlan {
    fn network(&self) -> NetworkId {
        match self {
            Self::New { network, .. } => *network,
            Self::Existing(port) => port.network,
        }
    }
}

/// What a host has to know of the networks of these interfaces. `None`: one of them lacks a port that serves it.
pub(super) fn specs(nics: &[NicPlan], networks: &[NetworkRows]) -> Option<Specs> {
    let mut specs = Specs::new();
    for id in nics.iter().map(NicPlan::network) {
        specs.insert(id, spec_of(rows_of(networks, id)?)?);
    }
    Some(specs)
}

/// The ports that a choice names, as far as they are there. Asks nothing where it names none.
pub(super) async fn find_ports(
    uow: &mut dyn UnitOfWork,
    choice: &NetworkChoice,
) -> Result<Vec<Port>, Error> {
    let mut ports = Vec::new();
    if let NetworkChoice::List(list) = choice {
        for id in list.iter().filter_map(|nic| nic.port) {
            ports.extend(uow.ports().find(id).await?);
        }
    }
    Ok(ports)
}

/// The networks that a choice is about. `ports` are those that it names.
pub(super) fn networks_of(
    project: &ProjectId,
    choice: &NetworkChoice,
    ports: &[Port],
) -> NetworkNames {
    match choice {
        NetworkChoice::None => NetworkNames::These(Vec::new()),
        NetworkChoice::Unspecified | NetworkChoice::Auto => NetworkNames::UsableBy(project.clone()),
        NetworkChoice::List(list) => {
            let named = list.iter().filter(|nic| nic.port.is_none()).filter_map(|nic| nic.network);
            let mut ids: Vec<_> = named.chain(ports.iter().map(|port| port.network)).collect();
            ids.sort();
            ids.dedup();
            NetworkNames::These(ids)
        }
    }
}

/// Decides what a choice means for this project. `ports` and `networks` are the rows that it names.
pub(super) fn choose(
    caller: &Caller,
    project: &ProjectId,
    choice: &NetworkChoice,
    ports: &[Port],
    networks: &[NetworkRows],
) -> Result<Vec<NicPlan>, Error> {
    match choice {
        NetworkChoice::None => Ok(Vec::new()),
        NetworkChoice::Unspecified => {
            Ok(only_network(caller, project, networks)?.into_iter().collect())
        }
        NetworkChoice::Auto => match only_network(caller, project, networks)? {
            Some(nic) => Ok(vec![nic]),
            None => Err(Error::Invalid(format!(
                "Unable to automatically allocate a network for project {project}: it has none. Make a network with a subnet, or ask for 'none'."
            ))),
        },
        NetworkChoice::List(list) => {
            let mut nics = Vec::with_capacity(list.len());
            for nic in list {
                nics.push(named(caller, project, nic, ports, networks)?);
            }
            check_ports_differ(&nics)?;
            Ok(nics)
        }
    }
}

/// The one network that the project can use. More than one is ambiguous.
fn only_network(
    caller: &Caller,
    project: &ProjectId,
    networks: &[NetworkRows],
) -> Result<Option<NicPlan>, Error> {
    let mut usable = networks.iter().map(|rows| &rows.network).filter(|network| {
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

fn named(
    caller: &Caller,
    project: &ProjectId,
    nic: &NicChoice,
    ports: &[Port],
    networks: &[NetworkRows],
) -> Result<NicPlan, Error> {
    if let Some(id) = nic.port {
        return existing(caller, project, id, ports);
    }
    let id = nic.network.ok_or_else(|| {
        Error::Invalid("A network interface needs a network (uuid) or a port.".into())
    })?;
    let unknown = || Error::Invalid(format!("Network {id} could not be found."));
    let network = rows_of(networks, id).map(|rows| &rows.network).ok_or_else(unknown)?;
    let own = network.project == *project || caller.is_admin();
    if !own && !network.shared && !network.external {
        return Err(unknown());
    }
    check_external(caller, network)?;
    Ok(NicPlan::New { network: id, fixed_ip: nic.fixed_ip })
}

fn rows_of(networks: &[NetworkRows], id: NetworkId) -> Option<&NetworkRows> {
    networks.iter().find(|rows| rows.network.id == id)
}

fn existing(
    caller: &Caller,
    project: &ProjectId,
    id: PortId,
    ports: &[Port],
) -> Result<NicPlan, Error> {
    let unknown = || Error::Invalid(format!("Port id {id} could not be found."));
    let port = ports.iter().find(|port| port.id == id).ok_or_else(unknown)?;
    if port.project != *project && !caller.is_admin() {
        return Err(unknown());
    }
    if !port.device_id.is_empty() {
        return Err(in_use(id));
    }
    if port.fixed_ips.is_empty() && port.port_security {
        return Err(Error::Invalid(format!("Port {id} requires a FixedIP in order to be used.")));
    }
    Ok(NicPlan::Existing(Box::new(port.clone())))
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

/// Whose the interfaces are to be, and where.
pub(super) struct Owner<'a> {
    pub(super) server: ServerId,
    pub(super) project: &'a ProjectId,
    /// `compute:<zone>`
    pub(super) device_owner: &'a str,
    /// The networks that the plans name, kept as they are then.
    pub(super) networks: &'a mut [NetworkRows],
}

/// Takes the interfaces for a server, as part of `uow`; gives its interfaces and its ports.
pub(super) async fn plug(
    uow: &mut dyn UnitOfWork,
    entropy: &dyn Entropy,
    now: Timestamp,
    owner: &mut Owner<'_>,
    plans: &[NicPlan],
) -> Result<(Vec<ServerNic>, Vec<Port>), Error> {
    let (mut nics, mut ports) = (Vec::new(), Vec::new());
    for plan in plans {
        let (port, owned) = match plan {
            NicPlan::New { network, fixed_ip } => {
                (new_port(uow, entropy, now, owner, *network, *fixed_ip).await?, true)
            }
            NicPlan::Existing(port) => {
                let mut port = port.as_ref().clone();
                port.device_id = owner.server.to_string();
                port.device_owner = owner.device_owner.to_owned();
                port.updated_at = now;
                uow.ports().update(&port).await?;
                port.generation = port.generation.next();
                (port, false)
            }
        };
        nics.push(ServerNic { port: port.id, network: port.network, owned });
        ports.push(port);
    }
    Ok((nics, ports))
}

async fn new_port(
    uow: &mut dyn UnitOfWork,
    entropy: &dyn Entropy,
    now: Timestamp,
    owner: &mut Owner<'_>,
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
    let unknown = || Error::Invalid(format!("Network {network} could not be found."));
    let rows = owner.networks.iter_mut().find(|rows| rows.network.id == network);
    let rows = rows.ok_or_else(unknown)?;
    let allocated = allocate_on(uow, entropy, now, request, rows, None).await.map_err(Error::from);
    let port = match (allocated, fixed_ip) {
        (Err(Error::Conflict(_)), Some(address)) => {
            return Err(Error::Invalid(format!(
                "Fixed IP address {address} is already in use on network {network}."
            )));
        }
        (Err(Error::NotFound { .. }), _) => return Err(unknown()),
        (allocated, _) => allocated?,
    };
    if port.fixed_ips.is_empty() && port.port_security {
        return Err(Error::Invalid(format!(
            "Network {network} requires a subnet in order to boot instances on."
        )));
    }
    Ok(port)
}
