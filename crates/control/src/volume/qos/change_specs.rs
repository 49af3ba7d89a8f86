//! Makes, changes and removes specs.

use super::{QosVerbs, find, types_of};
use crate::error::Error;
use crate::policy;
use hatchery_model::caller::Caller;
use hatchery_model::id::QosSpecsId;
use hatchery_model::volume::{QosConsumer, QosSpecs};
use hatchery_ports::entropy::random_uuid;
use std::collections::BTreeMap;

/// Specs that are wanted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewQosSpecs {
    /// Unique; not empty.
    pub name: String,
    /// Who is to see to them.
    pub consumer: QosConsumer,
    /// What is wanted.
    pub specs: BTreeMap<String, String>,
}

impl QosVerbs {
    /// Makes specs. Administrators only. `Conflict` when the name is taken.
    pub async fn create(&self, caller: &Caller, new: NewQosSpecs) -> Result<QosSpecs, Error> {
        policy::admin(caller, "volume_extension:qos_specs_manage:create")?;
        let made = QosSpecs {
            id: QosSpecsId(random_uuid(&*self.entropy)),
            name: new.name,
            consumer: new.consumer,
            specs: new.specs,
            created_at: self.clock.now(),
            updated_at: None,
        };
        let mut uow = self.store.begin().await?;
        if uow.qos_specs().list().await?.iter().any(|other| other.name == made.name) {
            return Err(Error::Conflict(format!("QoS Specs {} already exists.", made.name)));
        }
        uow.qos_specs().insert(&made).await?;
        uow.commit().await?;
        Ok(made)
    }

    /// Adds specs, and replaces those of the same name; `consumer`: who is to see to them from now on. Administrators only. `NotFound`.
    pub async fn update(
        &self,
        caller: &Caller,
        id: QosSpecsId,
        consumer: Option<QosConsumer>,
        more: BTreeMap<String, String>,
    ) -> Result<(), Error> {
        policy::admin(caller, "volume_extension:qos_specs_manage:update")?;
        let mut uow = self.store.begin().await?;
        let mut found = find(&mut *uow, id).await?;
        found.consumer = consumer.unwrap_or(found.consumer);
        found.specs.extend(more);
        found.updated_at = Some(self.clock.now());
        uow.qos_specs().update(&found).await?;
        Ok(uow.commit().await?)
    }

    /// Removes single specs. Administrators only. `NotFound`: then nothing is removed.
    pub async fn delete_keys(
        &self,
        caller: &Caller,
        id: QosSpecsId,
        keys: &[String],
    ) -> Result<(), Error> {
        policy::admin(caller, "volume_extension:qos_specs_manage:delete")?;
        let mut uow = self.store.begin().await?;
        let mut found = find(&mut *uow, id).await?;
        for key in keys {
            if found.specs.remove(key).is_none() {
                return Err(Error::not_found("QoS spec", format!("{id} with key {key}")));
            }
        }
        found.updated_at = Some(self.clock.now());
        uow.qos_specs().update(&found).await?;
        Ok(uow.commit().await?)
    }

    /// Removes the whole. Administrators only. `NotFound`; `Invalid` while volume types name it, unless it is to go nevertheless.
    pub async fn delete(&self, caller: &Caller, id: QosSpecsId, force: bool) -> Result<(), Error> {
        policy::admin(caller, "volume_extension:qos_specs_manage:delete")?;
        let mut uow = self.store.begin().await?;
        find(&mut *uow, id).await?;
        let types = types_of(&mut *uow, id).await?;
        if !types.is_empty() && !force {
            return Err(Error::Invalid("Qos specs still in use.".into()));
        }
        for mut volume_type in types {
            volume_type.qos_specs = None;
            uow.volume_types().update(&volume_type).await?;
        }
        uow.qos_specs().delete(id).await?;
        Ok(uow.commit().await?)
    }
}
