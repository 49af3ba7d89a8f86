//! Sets and removes extra specs of a volume type. Reading them is [`VolumeTypeVerbs::show`]'s.

use super::delete_type::is_in_use;
use super::{VolumeTypeVerbs, find_type};
use crate::error::Error;
use crate::policy;
use hatchery_model::caller::Caller;
use hatchery_model::id::VolumeTypeId;
use hatchery_model::volume::VolumeType;
use hatchery_ports::store::UnitOfWork;
use std::collections::BTreeMap;

impl VolumeTypeVerbs {
    /// Adds specs, and replaces those of the same name. Administrators only. `NotFound`; `Invalid` while there are volumes of the type.
    pub async fn set_extra_specs(
        &self,
        caller: &Caller,
        id: VolumeTypeId,
        specs: BTreeMap<String, String>,
    ) -> Result<VolumeType, Error> {
        policy::admin(caller, "volume_extension:types_extra_specs:create")?;
        let mut uow = self.store.begin().await?;
        let mut found = unused(&mut *uow, id).await?;
        found.extra_specs.extend(specs);
        found.updated_at = Some(self.clock.now());
        uow.volume_types().update(&found).await?;
        uow.commit().await?;
        Ok(found)
    }

    /// Removes a spec. Administrators only. `NotFound`: type or spec; `Invalid` while there are volumes of the type.
    pub async fn delete_extra_spec(
        &self,
        caller: &Caller,
        id: VolumeTypeId,
        name: &str,
    ) -> Result<(), Error> {
        policy::admin(caller, "volume_extension:types_extra_specs:delete")?;
        let mut uow = self.store.begin().await?;
        let mut found = unused(&mut *uow, id).await?;
        if found.extra_specs.remove(name).is_none() {
            return Err(Error::not_found("Volume type extra spec", name));
        }
        found.updated_at = Some(self.clock.now());
        uow.volume_types().update(&found).await?;
        Ok(uow.commit().await?)
    }
}

async fn unused(uow: &mut dyn UnitOfWork, id: VolumeTypeId) -> Result<VolumeType, Error> {
    let found = find_type(uow, id).await?;
    if is_in_use(uow, id).await? {
        return Err(Error::Invalid("Volume Type is currently in use.".into()));
    }
    Ok(found)
}
