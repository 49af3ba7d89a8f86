//! Finds a volume type, by id or name.

use super::default_types::own_default;
use super::{KIND, VolumeTypeVerbs};
use crate::error::Error;
use crate::policy;
use crate::volume::VolumeSettings;
use hatchery_model::caller::Caller;
use hatchery_model::id::VolumeTypeId;
use hatchery_model::volume::VolumeType;
use hatchery_ports::store::UnitOfWork;

impl VolumeTypeVerbs {
    /// One type, by id. `NotFound` also when the caller's project may not use it.
    pub async fn show(&self, caller: &Caller, id: VolumeTypeId) -> Result<VolumeType, Error> {
        policy::reader_project(caller, "volume_extension:type_get")?;
        let mut uow = self.store.read().await?;
        visible(&mut *uow, caller, id).await
    }

    /// The type of volumes for which none is named.
    pub async fn show_default(&self, caller: &Caller) -> Result<VolumeType, Error> {
        policy::reader_project(caller, "volume_extension:type_get")?;
        let mut uow = self.store.read().await?;
        default_type(&mut *uow, &self.settings, caller).await
    }
}

/// A type, or `NotFound`.
pub async fn find_type(uow: &mut dyn UnitOfWork, id: VolumeTypeId) -> Result<VolumeType, Error> {
    let found = uow.volume_types().find(id).await?;
    found.ok_or_else(|| Error::not_found(KIND, id))
}

/// The same, for whoever may use it.
pub(super) async fn visible(
    uow: &mut dyn UnitOfWork,
    caller: &Caller,
    id: VolumeTypeId,
) -> Result<VolumeType, Error> {
    let found = find_type(uow, id).await?;
    if may_use(caller, &found) { Ok(found) } else { Err(Error::not_found(KIND, id)) }
}

/// The type that a user names for a volume, by id or name; without a name the default. `NotFound` when the caller's project may not use it.
pub async fn usable_type(
    uow: &mut dyn UnitOfWork,
    settings: &VolumeSettings,
    caller: &Caller,
    named: Option<&str>,
) -> Result<VolumeType, Error> {
    let Some(named) = named.filter(|named| !named.is_empty()) else {
        return default_type(uow, settings, caller).await;
    };
    let by_id = named.parse::<VolumeTypeId>().ok();
    let all = uow.volume_types().list().await?;
    let found = all
        .iter()
        .find(|one| by_id == Some(one.id))
        .or_else(|| all.iter().find(|one| one.name == named));
    match found.filter(|one| may_use(caller, one)) {
        Some(found) => Ok(found.clone()),
        None if by_id.is_some() => Err(Error::not_found(KIND, named)),
        None => Err(Error::not_found("Volume type with name", named)),
    }
}

/// The type of volumes for which none is named: that of the caller's project, or the operator's.
pub async fn default_type(
    uow: &mut dyn UnitOfWork,
    settings: &VolumeSettings,
    caller: &Caller,
) -> Result<VolumeType, Error> {
    if let Some(own) = own_default(uow, caller).await? {
        return Ok(own);
    }
    let name = settings.default_volume_type.as_str();
    let all = uow.volume_types().list().await?;
    let found = all.into_iter().find(|one| one.name == name);
    found.ok_or_else(|| Error::not_found("Volume type with name", name))
}

pub(super) fn may_use(caller: &Caller, volume_type: &VolumeType) -> bool {
    let own = caller.project().is_some_and(|project| volume_type.is_usable_by(project));
    volume_type.is_public || own || caller.is_admin()
}
