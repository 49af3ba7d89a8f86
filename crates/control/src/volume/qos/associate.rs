//! Which volume types the specs hold for.

use super::{QosVerbs, find, types_of};
use crate::error::Error;
use crate::policy;
use crate::volume::types::find_type;
use hatchery_model::caller::Caller;
use hatchery_model::id::{QosSpecsId, VolumeTypeId};
use hatchery_model::volume::VolumeType;

const UPDATE: &str = "volume_extension:qos_specs_manage:update";

impl QosVerbs {
    /// Those types. Administrators only. `NotFound`.
    pub async fn associations(
        &self,
        caller: &Caller,
        id: QosSpecsId,
    ) -> Result<Vec<VolumeType>, Error> {
        policy::admin(caller, "volume_extension:qos_specs_manage:get_all")?;
        let mut uow = self.store.read().await?;
        find(&mut *uow, id).await?;
        types_of(&mut *uow, id).await
    }

    /// Has the specs hold for a type. Administrators only. `NotFound`; `Invalid` while others hold for it.
    pub async fn associate(
        &self,
        caller: &Caller,
        id: QosSpecsId,
        volume_type: VolumeTypeId,
    ) -> Result<(), Error> {
        policy::admin(caller, UPDATE)?;
        let mut uow = self.store.begin().await?;
        find(&mut *uow, id).await?;
        let mut found = find_type(&mut *uow, volume_type).await?;
        if let Some(other) = found.qos_specs.filter(|other| *other != id) {
            return Err(Error::Invalid(format!(
                "Invalid volume type: Type {volume_type} is already associated with another qos specs: {other}"
            )));
        }
        found.qos_specs = Some(id);
        uow.volume_types().update(&found).await?;
        Ok(uow.commit().await?)
    }

    /// Takes that back, for one type or for all. Administrators only. `NotFound`: specs or type.
    pub async fn disassociate(
        &self,
        caller: &Caller,
        id: QosSpecsId,
        only: Option<VolumeTypeId>,
    ) -> Result<(), Error> {
        policy::admin(caller, UPDATE)?;
        let mut uow = self.store.begin().await?;
        find(&mut *uow, id).await?;
        let types = match only {
            None => types_of(&mut *uow, id).await?,
            Some(only) => vec![find_type(&mut *uow, only).await?],
        };
        for mut volume_type in types {
            if volume_type.qos_specs == Some(id) {
                volume_type.qos_specs = None;
                uow.volume_types().update(&volume_type).await?;
            }
        }
        Ok(uow.commit().await?)
    }
}
