//! Which projects may use a volume type that is not public.

use super::{VolumeTypeVerbs, find_type};
use crate::error::Error;
use crate::policy;
use hatchery_model::caller::Caller;
use hatchery_model::id::{ProjectId, VolumeTypeId};
use hatchery_model::volume::VolumeType;
use hatchery_ports::store::UnitOfWork;

impl VolumeTypeVerbs {
    /// Those projects. Administrators only. `NotFound` also for a public type.
    pub async fn access(&self, caller: &Caller, id: VolumeTypeId) -> Result<Vec<ProjectId>, Error> {
        policy::admin(caller, "volume_extension:volume_type_access:get_all_for_type")?;
        let mut uow = self.store.read().await?;
        let found = find_type(&mut *uow, id).await?;
        if found.is_public {
            return Err(Error::not_found("Access list of public volume type", id));
        }
        Ok(found.access.into_iter().collect())
    }

    /// Lets a project use the type. Administrators only. `NotFound`; `Invalid` for a public type; `Conflict` when it may already.
    pub async fn grant(
        &self,
        caller: &Caller,
        id: VolumeTypeId,
        project: ProjectId,
    ) -> Result<(), Error> {
        policy::admin(caller, "volume_extension:volume_type_access:addProjectAccess")?;
        let mut uow = self.store.begin().await?;
        let mut found = private(&mut *uow, id).await?;
        let text = format!("Volume type access for {id} / {project} combination already exists.");
        if !found.access.insert(project) {
            return Err(Error::Conflict(text));
        }
        uow.volume_types().update(&found).await?;
        Ok(uow.commit().await?)
    }

    /// Takes that back. Administrators only. `NotFound`: type or project; `Invalid` for a public type.
    pub async fn revoke(
        &self,
        caller: &Caller,
        id: VolumeTypeId,
        project: &ProjectId,
    ) -> Result<(), Error> {
        policy::admin(caller, "volume_extension:volume_type_access:removeProjectAccess")?;
        let mut uow = self.store.begin().await?;
        let mut found = private(&mut *uow, id).await?;
        if !found.access.remove(project) {
            return Err(Error::not_found("Volume type access", format!("for {id} / {project}")));
        }
        uow.volume_types().update(&found).await?;
        Ok(uow.commit().await?)
    }
}

async fn private(uow: &mut dyn UnitOfWork, id: VolumeTypeId) -> Result<VolumeType, Error> {
    let found = find_type(uow, id).await?;
    if found.is_public {
        return Err(Error::Invalid(
            "Type access modification is not applicable to public volume type.".into(),
        ));
    }
    Ok(found)
}
