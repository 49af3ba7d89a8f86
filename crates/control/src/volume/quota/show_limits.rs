//! Shows limits, and what of them is used.

use super::QuotaVerbs;
use crate::error::Error;
use crate::policy;
use crate::volume::limits::find_class;
use crate::volume::{VolumeLimits, find_limits};
use hatchery_model::caller::Caller;
use hatchery_model::id::ProjectId;
use hatchery_model::page::Page;
use hatchery_model::volume::{BackupUsage, VolumeUsage};
use hatchery_ports::store::{GroupFilter, SnapshotFilter, UnitOfWork, VolumeFilter};
use std::collections::BTreeMap;

/// The limits of a project, and what it has.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ProjectUse {
    /// What it may have: also of each type, by the names of those quotas.
    pub limits: VolumeLimits,
    /// What it has.
    pub usage: VolumeUsage,
    /// What it has of backups.
    pub backups: BackupUsage,
    /// How many groups it has.
    pub groups: u64,
    /// What it has of each type, by the same names as the limits.
    pub of_types: BTreeMap<String, u64>,
}

impl QuotaVerbs {
    /// Limits and use of a project: for its readers, and for administrators. `Denied` otherwise.
    pub async fn show(&self, caller: &Caller, project: &ProjectId) -> Result<ProjectUse, Error> {
        may_look(caller, project)?;
        let mut uow = self.store.read().await?;
        self.read(&mut *uow, project).await
    }

    pub(super) async fn read(
        &self,
        uow: &mut dyn UnitOfWork,
        project: &ProjectId,
    ) -> Result<ProjectUse, Error> {
        let mut limits = find_limits(uow, &self.settings, project).await?;
        let usage = uow.volumes().usage(project).await?;
        let backups = uow.backups().usage(project).await?;
        let own = GroupFilter { project: Some(project.clone()), ..GroupFilter::default() };
        let groups = uow.volume_groups().list(&own, &Page::default()).await?.len() as u64;
        let of_types = use_of_types(uow, project).await?;
        limits.of_types.retain(|name, _| of_types.contains_key(name));
        for name in of_types.keys() {
            limits.of_types.entry(name.clone()).or_insert(-1);
        }
        Ok(ProjectUse { limits, usage, backups, groups, of_types })
    }

    /// The limits that a project has until it gets others. For the same callers.
    pub async fn defaults(
        &self,
        caller: &Caller,
        project: &ProjectId,
    ) -> Result<VolumeLimits, Error> {
        may_look(caller, project)?;
        let mut uow = self.store.read().await?;
        self.class_limits(&mut *uow, project).await
    }

    /// The limits of everyone who has none of its own. Administrators only.
    pub async fn class(&self, caller: &Caller) -> Result<VolumeLimits, Error> {
        policy::admin(caller, "volume_extension:quota_classes:get")?;
        let mut uow = self.store.read().await?;
        self.class_limits(&mut *uow, &ProjectId::from("")).await
    }

    /// With those of each type that there is.
    pub(super) async fn class_limits(
        &self,
        uow: &mut dyn UnitOfWork,
        project: &ProjectId,
    ) -> Result<VolumeLimits, Error> {
        let mut limits = find_class(uow, &self.settings).await?;
        let of_types = use_of_types(uow, project).await?;
        limits.of_types.retain(|name, _| of_types.contains_key(name));
        for name in of_types.into_keys() {
            limits.of_types.entry(name).or_insert(-1);
        }
        Ok(limits)
    }
}

fn may_look(caller: &Caller, project: &ProjectId) -> Result<(), Error> {
    if policy::may_read(caller, project) {
        return Ok(());
    }
    policy::admin(caller, "volume_extension:quotas:show")
}

/// What a project has of each type. Snapshots count for the type of their own row.
async fn use_of_types(
    uow: &mut dyn UnitOfWork,
    project: &ProjectId,
) -> Result<BTreeMap<String, u64>, Error> {
    let types = uow.volume_types().list().await?;
    let mut used = BTreeMap::new();
    for one in &types {
        for kind in ["volumes", "snapshots", "gigabytes"] {
            used.insert(format!("{kind}_{}", one.name), 0);
        }
    }
    let mut add = |id, kind: &str, gib: u64| {
        if let Some(one) = types.iter().find(|one| one.id == id) {
            *used.entry(format!("{kind}_{}", one.name)).or_default() += 1;
            *used.entry(format!("gigabytes_{}", one.name)).or_default() += gib;
        }
    };
    let volumes = VolumeFilter { project: Some(project.clone()), ..VolumeFilter::default() };
    for volume in uow.volumes().list(&volumes, &Page::default()).await? {
        add(volume.volume_type, "volumes", volume.size_gib);
    }
    let snapshots = SnapshotFilter { project: Some(project.clone()), ..SnapshotFilter::default() };
    for snapshot in uow.snapshots().list(&snapshots, &Page::default()).await? {
        add(snapshot.volume_type, "snapshots", snapshot.size_gib);
    }
    Ok(used)
}
