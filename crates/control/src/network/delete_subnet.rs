//! Deletes a subnet, with the port that serves it.

use super::access::changeable_subnet;
use super::refusal::Refusal;
use super::serve_dhcp::release_dhcp_ports;
use hatchery_model::caller::Caller;
use hatchery_model::id::SubnetId;
use hatchery_ports::store::Store;

/// Removes it. Addresses that ports of others than the service itself have in it keep it.
pub(super) async fn delete_subnet(
    store: &dyn Store,
    caller: &Caller,
    id: SubnetId,
) -> Result<(), Refusal> {
    let mut uow = store.begin().await?;
    let (subnet, _) = changeable_subnet(&mut *uow, caller, id, "delete_subnet").await?;
    release_dhcp_ports(&mut *uow, &subnet).await?;
    if !uow.addresses().list(id).await?.is_empty() {
        return Err(Refusal::SubnetInUse(id));
    }
    uow.subnets().delete(id).await?;
    uow.commit().await?;
    Ok(())
}
