//! Changes an aggregate's name, zone and metadata.

use super::{AggregateVerbs, find, name_taken, zones};
use crate::error::Error;
use crate::policy;
use hatchery_model::caller::Caller;
use hatchery_model::compute::Aggregate;
use hatchery_ports::store::UnitOfWork;
use std::collections::BTreeMap;

/// What is to change; of the metadata what is named, where `None` removes.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct AggregateChanges {
    /// The name.
    pub name: Option<String>,
    /// Metadata.
    pub metadata: BTreeMap<String, Option<String>>,
}

impl AggregateVerbs {
    /// Changes name and zone, or nothing. Administrators only.
    ///
    /// `NotFound`; `Conflict` when the name is taken; `Invalid` when the zone is empty, a host is in another one, or servers stand in this one.
    pub async fn update(
        &self,
        caller: &Caller,
        number: u64,
        changes: AggregateChanges,
    ) -> Result<Aggregate, Error> {
        policy::admin(caller, "os_compute_api:os-aggregates:update")?;
        self.change(number, changes, "Cannot update aggregate").await
    }

    /// Changes metadata, or nothing. Administrators only. Errors as `update`'s.
    pub async fn set_metadata(
        &self,
        caller: &Caller,
        number: u64,
        metadata: BTreeMap<String, Option<String>>,
    ) -> Result<Aggregate, Error> {
        policy::admin(caller, "os_compute_api:os-aggregates:set_metadata")?;
        let changes = AggregateChanges { name: None, metadata };
        self.change(number, changes, "Cannot update metadata of aggregate").await
    }

    /// `refusal` begins the sentence about a zone that cannot be.
    async fn change(
        &self,
        number: u64,
        changes: AggregateChanges,
        refusal: &str,
    ) -> Result<Aggregate, Error> {
        let mut uow = self.store.begin().await?;
        let mut aggregate = find(&mut *uow, number).await?;
        let zone = changes.metadata.get(Aggregate::ZONE);
        if let Some(zone) = zone
            && let Some(reason) =
                zone_refused(&mut *uow, &aggregate, zone.as_deref().unwrap_or_default()).await?
        {
            return Err(Error::Invalid(format!("{refusal} {number}. Reason: {reason}.")));
        }
        if let Some(name) = changes.name {
            let all = uow.aggregates().list().await?;
            if all.iter().any(|one| one.number != number && one.name == name) {
                return Err(name_taken(&name));
            }
            aggregate.name = name;
        }
        let zone_is_set = zone.is_some();
        for (key, value) in changes.metadata {
            match value {
                Some(value) => aggregate.metadata.insert(key, value),
                None => aggregate.metadata.remove(&key),
            };
        }
        aggregate.updated_at = Some(self.clock.now());
        uow.aggregates().update(&aggregate).await?;
        if zone_is_set {
            let default = &self.settings.default_availability_zone;
            zones::settle(&mut *uow, &aggregate.hosts, default).await?;
        }
        uow.commit().await?;
        Ok(aggregate)
    }
}

/// Why the aggregate's hosts cannot be in this zone, in Nova's words.
async fn zone_refused(
    uow: &mut dyn UnitOfWork,
    aggregate: &Aggregate,
    zone: &str,
) -> Result<Option<String>, Error> {
    if zone.is_empty() {
        let name = &aggregate.name;
        return Ok(Some(format!(
            "Aggregate {name} does not support empty named availability zone"
        )));
    }
    let all = uow.aggregates().list().await?;
    if let Some(reason) = zones::other_zones(&all, aggregate, &aggregate.hosts, zone) {
        return Ok(Some(reason));
    }
    if aggregate.zone() == Some(zone) {
        return Ok(None);
    }
    for host in &aggregate.hosts {
        if zones::servers_on(uow, host).await? > 0 {
            return Ok(Some("One or more hosts contain instances in this zone".into()));
        }
    }
    Ok(None)
}
