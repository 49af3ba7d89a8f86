//! Lists and shows aggregates.

use super::{AggregateVerbs, find};
use crate::error::Error;
use crate::policy;
use hatchery_model::caller::Caller;
use hatchery_model::compute::Aggregate;

impl AggregateVerbs {
    /// All, by number. Administrators only.
    pub async fn list(&self, caller: &Caller) -> Result<Vec<Aggregate>, Error> {
        policy::admin(caller, "os_compute_api:os-aggregates:index")?;
        let mut uow = self.store.read().await?;
        Ok(uow.aggregates().list().await?)
    }

    /// One. Administrators only. `NotFound`.
    pub async fn show(&self, caller: &Caller, number: u64) -> Result<Aggregate, Error> {
        policy::admin(caller, "os_compute_api:os-aggregates:show")?;
        let mut uow = self.store.read().await?;
        find(&mut *uow, number).await
    }
}
