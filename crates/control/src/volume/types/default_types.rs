//! The default types of single projects: for volumes whose user names no type, before the operator's default.

use super::{VolumeTypeVerbs, find_type};
use crate::error::Error;
use crate::policy;
use hatchery_model::caller::Caller;
use hatchery_model::id::{ProjectId, VolumeTypeId};
use hatchery_model::volume::VolumeType;
use hatchery_ports::store::UnitOfWork;
use std::collections::BTreeMap;

/// The setting that keeps them all. There are few.
const KEY: &str = "volume.default_types";

type ByProject = BTreeMap<ProjectId, VolumeTypeId>;

impl VolumeTypeVerbs {
    /// Those of all projects. Administrators only.
    pub async fn project_defaults(&self, caller: &Caller) -> Result<ByProject, Error> {
        policy::admin(caller, "volume_extension:default_get_all")?;
        let mut uow = self.store.read().await?;
        read(&mut *uow).await
    }

    /// That of a project. Administrators only. `NotFound`.
    pub async fn project_default(
        &self,
        caller: &Caller,
        project: &ProjectId,
    ) -> Result<VolumeTypeId, Error> {
        policy::admin(caller, "volume_extension:default_get")?;
        let mut uow = self.store.read().await?;
        let found = read(&mut *uow).await?.get(project).copied();
        found.ok_or_else(|| Error::not_found("Default type for project", project))
    }

    /// Gives a project a default type, by id or name. Administrators only. `Invalid` when there is no such type.
    pub async fn set_project_default(
        &self,
        caller: &Caller,
        project: &ProjectId,
        named: &str,
    ) -> Result<VolumeTypeId, Error> {
        policy::admin(caller, "volume_extension:default_set_or_update")?;
        let mut uow = self.store.begin().await?;
        let by_id = named.parse::<VolumeTypeId>().ok();
        let types = uow.volume_types().list().await?;
        let found = types.iter().find(|one| by_id == Some(one.id) || one.name == named);
        let Some(found) = found else {
            return Err(Error::Invalid(format!("Volume type {named} could not be found.")));
        };
        let mut all = read(&mut *uow).await?;
        all.insert(project.clone(), found.id);
        write(&mut *uow, &all).await?;
        uow.commit().await?;
        Ok(found.id)
    }

    /// Takes that back. Administrators only. Of a project that has none, nothing.
    pub async fn unset_project_default(
        &self,
        caller: &Caller,
        project: &ProjectId,
    ) -> Result<(), Error> {
        policy::admin(caller, "volume_extension:default_unset")?;
        let mut uow = self.store.begin().await?;
        let mut all = read(&mut *uow).await?;
        if all.remove(project).is_some() {
            write(&mut *uow, &all).await?;
        }
        Ok(uow.commit().await?)
    }
}

/// The default type of the caller's own project.
pub(super) async fn own_default(
    uow: &mut dyn UnitOfWork,
    caller: &Caller,
) -> Result<Option<VolumeType>, Error> {
    let Some(project) = caller.project() else { return Ok(None) };
    match read(uow).await?.get(project) {
        Some(id) => find_type(uow, *id).await.map(Some),
        None => Ok(None),
    }
}

/// Whether a project has the type as its default.
pub(super) async fn is_a_default(
    uow: &mut dyn UnitOfWork,
    id: VolumeTypeId,
) -> Result<bool, Error> {
    Ok(read(uow).await?.values().any(|one| *one == id))
}

async fn read(uow: &mut dyn UnitOfWork) -> Result<ByProject, Error> {
    match uow.settings().find(KEY).await? {
        None => Ok(ByProject::new()),
        Some(text) => serde_json::from_str(&text).map_err(internal),
    }
}

async fn write(uow: &mut dyn UnitOfWork, all: &ByProject) -> Result<(), Error> {
    let text = serde_json::to_string(all).map_err(internal)?;
    Ok(uow.settings().put(KEY, &text).await?)
}

fn internal(error: serde_json::Error) -> Error {
    Error::Internal { source: Box::new(error) }
}
