//! Removes an aggregate.

use super::{AggregateVerbs, find, holder};
use crate::error::Error;
use crate::policy;
use hatchery_model::caller::Caller;

impl AggregateVerbs {
    /// Removes it with its pins. Administrators only. `NotFound`; `Invalid` while it has hosts.
    pub async fn delete(&self, caller: &Caller, number: u64) -> Result<(), Error> {
        policy::admin(caller, "os_compute_api:os-aggregates:delete")?;
        let mut uow = self.store.begin().await?;
        let aggregate = find(&mut *uow, number).await?;
        if !aggregate.hosts.is_empty() {
            return Err(Error::Invalid(format!(
                "Cannot remove host from aggregate {number}. Reason: Host aggregate is not empty."
            )));
        }
        let by = holder(&aggregate);
        for pin in uow.leases().list_pins(None).await? {
            if pin.by == by {
                uow.leases().delete_pin(pin.image, &by).await?;
            }
        }
        uow.aggregates().delete(number).await?;
        uow.commit().await?;
        Ok(())
    }
}
