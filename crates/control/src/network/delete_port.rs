//! Deletes a port that nothing uses.

use super::access::changeable_port;
use super::refusal::Refusal;
use hatchery_model::caller::Caller;
use hatchery_model::id::PortId;
use hatchery_ports::store::Store;

/// Removes it and gives its addresses back. A port of the service itself goes with what it serves; a port that a guest is plugged into
/// keeps its addresses as long as the guest has them.
pub(super) async fn delete_port(
    store: &dyn Store,
    caller: &Caller,
    id: PortId,
) -> Result<(), Refusal> {
    let mut uow = store.begin().await?;
    let (port, _) = changeable_port(&mut *uow, caller, id, "delete_port").await?;
    if port.device_owner.starts_with("network:") {
        return Err(Refusal::ServicePortInUse { port: id.to_string(), owner: port.device_owner });
    }
    if port.host.is_some() && !port.device_id.is_empty() {
        return Err(Refusal::PortInUse { port: id, device: port.device_id });
    }
    uow.ports().delete(id).await?;
    uow.commit().await?;
    Ok(())
}
