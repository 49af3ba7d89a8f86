//! Removes a volume type.

use super::default_types::is_a_default;
use super::{VolumeTypeVerbs, find_type};
use crate::error::Error;
use crate::policy;
use hatchery_model::caller::Caller;
use hatchery_model::id::VolumeTypeId;
use hatchery_model::page::Page;
use hatchery_ports::store::{UnitOfWork, VolumeFilter};

impl VolumeTypeVerbs {
    /// Removes a type. Administrators only. `NotFound`; `Invalid` for a default type, and while there are volumes of the type.
    pub async fn delete(&self, caller: &Caller, id: VolumeTypeId) -> Result<(), Error> {
        policy::admin(caller, "volume_extension:type_delete")?;
        let mut uow = self.store.begin().await?;
        let found = find_type(&mut *uow, id).await?;
        let is_default = found.name == self.settings.default_volume_type;
        if is_default || is_a_default(&mut *uow, id).await? {
            return Err(Error::Invalid(format!(
                "The volume type {id} is a default volume type and cannot be deleted."
            )));
        }
        if is_in_use(&mut *uow, id).await? {
            return Err(Error::Invalid("Target volume type is still in use.".into()));
        }
        uow.volume_types().delete(id).await?;
        Ok(uow.commit().await?)
    }
}

/// Whether there is a volume of the type.
pub(super) async fn is_in_use(uow: &mut dyn UnitOfWork, id: VolumeTypeId) -> Result<bool, Error> {
    let filter = VolumeFilter { volume_type: Some(id), ..VolumeFilter::default() };
    let one = Page { limit: Some(1), ..Page::default() };
    Ok(!uow.volumes().list(&filter, &one).await?.is_empty())
}
