//! Deletes a network, with its subnets and the ports that serve them.

use super::access::changeable_network;
use super::refusal::Refusal;
use super::serve_dhcp::DHCP_OWNER;
use hatchery_model::caller::Caller;
use hatchery_model::id::NetworkId;
use hatchery_ports::store::{PortFilter, Store};

/// Removes it. Ports of others than the service itself keep it.
pub(super) async fn delete_network(
    store: &dyn Store,
    caller: &Caller,
    id: NetworkId,
) -> Result<(), Refusal> {
    let mut uow = store.begin().await?;
    changeable_network(&mut *uow, caller, id, "delete_network").await?;
    let filter = PortFilter { network: Some(id), ..PortFilter::default() };
    let ports = uow.ports().list(&filter).await?;
    if ports.iter().any(|port| port.device_owner != DHCP_OWNER) {
        return Err(Refusal::NetworkInUse(id));
    }
    for port in ports {
        uow.ports().delete(port.id).await?;
    }
    for subnet in uow.subnets().list(Some(id)).await? {
        uow.subnets().delete(subnet.id).await?;
    }
    uow.networks().delete(id).await?;
    uow.commit().await?;
    Ok(())
}
