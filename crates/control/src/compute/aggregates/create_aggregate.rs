//! Makes an aggregate.

use super::{AggregateVerbs, name_taken};
use crate::error::Error;
use crate::policy;
use hatchery_model::caller::Caller;
use hatchery_model::compute::Aggregate;
use hatchery_model::generation::Generation;
use hatchery_ports::entropy::random_uuid;
use hatchery_ports::store::StoreError;

impl AggregateVerbs {
    /// A new one without hosts, whose hosts will be in the zone. Administrators only. `Conflict` when the name is taken.
    pub async fn create(
        &self,
        caller: &Caller,
        name: String,
        zone: Option<String>,
    ) -> Result<Aggregate, Error> {
        policy::admin(caller, "os_compute_api:os-aggregates:create")?;
        let aggregate = Aggregate {
            number: 0,
            uuid: random_uuid(&*self.entropy),
            generation: Generation::FIRST,
            name,
            hosts: Vec::new(),
            metadata: zone.map(|zone| (Aggregate::ZONE.to_owned(), zone)).into_iter().collect(),
            created_at: self.clock.now(),
            updated_at: None,
        };
        let name = aggregate.name.clone();
        let mut uow = self.store.begin().await?;
        let made = match uow.aggregates().insert(aggregate).await {
            Err(StoreError::Conflict { .. }) => return Err(name_taken(&name)),
            made => made?,
        };
        uow.commit().await?;
        Ok(made)
    }
}
