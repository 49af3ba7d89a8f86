//! Sets limits, and takes them back.

use super::QuotaVerbs;
use super::show_limits::ProjectUse;
use crate::error::Error;
use crate::policy;
use crate::volume::limits::put_class;
use crate::volume::{VolumeLimits, put_limits};
use hatchery_model::caller::Caller;
use hatchery_model::id::ProjectId;
use hatchery_model::volume::VolumeQuota;
use std::collections::BTreeMap;

impl QuotaVerbs {
    /// Gives a project limits of its own, by the names of its quotas; -1: none. Administrators only. `Invalid` for a name that there is not, and
    /// for a limit below what the project has.
    pub async fn update(
        &self,
        caller: &Caller,
        project: &ProjectId,
        changes: &BTreeMap<String, i64>,
    ) -> Result<VolumeLimits, Error> {
        policy::admin(caller, "volume_extension:quotas:update")?;
        let mut uow = self.store.begin().await?;
        let found = self.read(&mut *uow, project).await?;
        let mut limits = found.limits.clone();
        apply(&mut limits, changes)?;
        check(changes, &found)?;
        put_limits(&mut *uow, project, Some(&limits)).await?;
        uow.commit().await?;
        Ok(limits)
    }

    /// Sets the limits of everyone who has none of its own. Administrators only. `Invalid` for a name that there is not.
    pub async fn update_class(
        &self,
        caller: &Caller,
        changes: &BTreeMap<String, i64>,
    ) -> Result<VolumeLimits, Error> {
        policy::admin(caller, "volume_extension:quota_classes:update")?;
        let mut uow = self.store.begin().await?;
        let mut limits = self.class_limits(&mut *uow, &ProjectId::from("")).await?;
        apply(&mut limits, changes)?;
        put_class(&mut *uow, &limits).await?;
        uow.commit().await?;
        Ok(limits)
    }

    /// Gives a project the limits of all others again. Administrators only.
    pub async fn delete(&self, caller: &Caller, project: &ProjectId) -> Result<(), Error> {
        policy::admin(caller, "volume_extension:quotas:delete")?;
        let mut uow = self.store.begin().await?;
        put_limits(&mut *uow, project, None).await?;
        Ok(uow.commit().await?)
    }
}

fn apply(limits: &mut VolumeLimits, changes: &BTreeMap<String, i64>) -> Result<(), Error> {
    let mut bad = Vec::new();
    for (name, limit) in changes {
        match field(limits, name) {
            Some(place) => *place = *limit,
            None => bad.push(name.as_str()),
        }
    }
    if bad.is_empty() {
        return Ok(());
    }
    Err(Error::Invalid(format!("Bad key(s) in quota set: {}", bad.join(", "))))
}

/// The limit of a name.
fn field<'a>(limits: &'a mut VolumeLimits, name: &str) -> Option<&'a mut i64> {
    let VolumeQuota {
        volumes,
        snapshots,
        gigabytes,
        per_volume_gigabytes,
        backups,
        backup_gigabytes,
        groups,
    } = &mut limits.quota;
    match name {
        "volumes" => Some(volumes),
        "snapshots" => Some(snapshots),
        "gigabytes" => Some(gigabytes),
        "per_volume_gigabytes" => Some(per_volume_gigabytes),
        "backups" => Some(backups),
        "backup_gigabytes" => Some(backup_gigabytes),
        "groups" => Some(groups),
        of_type => limits.of_types.get_mut(of_type),
    }
}

/// A limit below what is there already is refused.
fn check(changes: &BTreeMap<String, i64>, found: &ProjectUse) -> Result<(), Error> {
    for (name, limit) in changes {
        let used = match name.as_str() {
            "volumes" => found.usage.volumes,
            "snapshots" => found.usage.snapshots,
            "gigabytes" => found.usage.volume_gib.saturating_add(found.usage.snapshot_gib),
            "groups" => found.groups,
            other => found.of_types.get(other).copied().unwrap_or_default(),
        };
        if u64::try_from(*limit).is_ok_and(|limit| limit < used) {
            return Err(Error::Invalid(format!(
                "Quota {name} limit must be equal or greater than existing resources. Current usage is {used} and the requested limit is {limit}."
            )));
        }
    }
    Ok(())
}
