//! Specs of a type of groups.

use super::{GroupTypeVerbs, visible};
use crate::error::Error;
use crate::policy;
use hatchery_model::caller::Caller;
use hatchery_model::id::GroupTypeId;
use std::collections::BTreeMap;

impl GroupTypeVerbs {
    /// All specs. Administrators only. `NotFound`.
    pub async fn specs(
        &self,
        caller: &Caller,
        id: GroupTypeId,
    ) -> Result<BTreeMap<String, String>, Error> {
        policy::admin(caller, "group:group_types:specs:get_all")?;
        let mut uow = self.store.read().await?;
        Ok(visible(&mut *uow, caller, id).await?.specs)
    }

    /// Adds specs, and replaces those of the same name. Administrators only. `NotFound`.
    pub async fn set_specs(
        &self,
        caller: &Caller,
        id: GroupTypeId,
        more: BTreeMap<String, String>,
    ) -> Result<(), Error> {
        policy::admin(caller, "group:group_types:specs:create")?;
        let mut uow = self.store.begin().await?;
        let mut found = visible(&mut *uow, caller, id).await?;
        found.specs.extend(more);
        found.updated_at = Some(self.clock.now());
        uow.group_types().update(&found).await?;
        Ok(uow.commit().await?)
    }

    /// Removes one. Administrators only. `NotFound`: type or spec.
    pub async fn delete_spec(
        &self,
        caller: &Caller,
        id: GroupTypeId,
        name: &str,
    ) -> Result<(), Error> {
        policy::admin(caller, "group:group_types:specs:delete")?;
        let mut uow = self.store.begin().await?;
        let mut found = visible(&mut *uow, caller, id).await?;
        if found.specs.remove(name).is_none() {
            return Err(Error::not_found("Group type spec", name));
        }
        found.updated_at = Some(self.clock.now());
        uow.group_types().update(&found).await?;
        Ok(uow.commit().await?)
    }
}
