//! Who sees and who changes networks and what is on them: the owner, everyone where a network is shared or external, and a network's owner
//! all that is on it.

use crate::error::Error;
use crate::policy;
use hatchery_model::caller::Caller;
use hatchery_model::id::{NetworkId, PortId, ProjectId, SubnetId};
use hatchery_model::network::{Network, Port, Subnet};
use hatchery_ports::store::UnitOfWork;

pub(super) fn may_see_network(caller: &Caller, network: &Network) -> bool {
    let open = network.shared || network.external;
    policy::may_read(caller, &network.project)
        || (open && caller.has_role("reader") && caller.project().is_some())
}

/// The network, if the caller may see it.
pub(super) async fn seen_network(
    uow: &mut dyn UnitOfWork,
    caller: &Caller,
    id: NetworkId,
) -> Result<Network, Error> {
    let found = uow.networks().find(id).await?;
    found
        .filter(|network| may_see_network(caller, network))
        .ok_or_else(|| Error::not_found("Network", id))
}

/// The network, if the caller may change it.
pub(super) async fn changeable_network(
    uow: &mut dyn UnitOfWork,
    caller: &Caller,
    id: NetworkId,
    action: &str,
) -> Result<Network, Error> {
    let network = seen_network(uow, caller, id).await?;
    policy::write(caller, &network.project, action)?;
    Ok(network)
}

/// The subnet with its network, if the caller may see it.
pub(super) async fn seen_subnet(
    uow: &mut dyn UnitOfWork,
    caller: &Caller,
    id: SubnetId,
) -> Result<(Subnet, Network), Error> {
    if let Some(subnet) = uow.subnets().find(id).await?
        && let Some(network) = uow.networks().find(subnet.network).await?
        && (policy::may_read(caller, &subnet.project) || may_see_network(caller, &network))
    {
        return Ok((subnet, network));
    }
    Err(Error::not_found("Subnet", id))
}

/// The subnet with its network, if the caller may change it: the owner of either.
pub(super) async fn changeable_subnet(
    uow: &mut dyn UnitOfWork,
    caller: &Caller,
    id: SubnetId,
    action: &str,
) -> Result<(Subnet, Network), Error> {
    let (subnet, network) = seen_subnet(uow, caller, id).await?;
    if !policy::may_write(caller, &network.project) {
        policy::write(caller, &subnet.project, action)?;
    }
    Ok((subnet, network))
}

/// The port with its network, if the caller may see it: the owner of either.
pub(super) async fn seen_port(
    uow: &mut dyn UnitOfWork,
    caller: &Caller,
    id: PortId,
) -> Result<(Port, Network), Error> {
    if let Some(port) = uow.ports().find(id).await?
        && let Some(network) = uow.networks().find(port.network).await?
        && (policy::may_read(caller, &port.project) || policy::may_read(caller, &network.project))
    {
        return Ok((port, network));
    }
    Err(Error::not_found("Port", id))
}

/// The port with its network, if the caller may change it: the owner of either.
pub(super) async fn changeable_port(
    uow: &mut dyn UnitOfWork,
    caller: &Caller,
    id: PortId,
    action: &str,
) -> Result<(Port, Network), Error> {
    let (port, network) = seen_port(uow, caller, id).await?;
    if !policy::may_write(caller, &network.project) {
        policy::write(caller, &port.project, action)?;
    }
    Ok((port, network))
}

/// The project that will own what is made: the caller's, or the one that an administrator names.
pub(super) fn owner(
    caller: &Caller,
    named: Option<&ProjectId>,
    action: &str,
) -> Result<ProjectId, Error> {
    match named {
        Some(project) if caller.is_admin() => Ok(project.clone()),
        Some(project) if caller.project() != Some(project) => {
            policy::admin(caller, &format!("{action}:project_id"))?;
            Ok(project.clone())
        }
        Some(_) | None => Ok(policy::writer_project(caller, action)?.clone()),
    }
}
