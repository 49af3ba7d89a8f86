//! What administrators say of groups and of group snapshots.

use super::{GroupVerbs, seen, seen_snapshot};
use crate::error::Error;
use crate::policy;
use hatchery_model::caller::Caller;
use hatchery_model::id::{GroupId, GroupSnapshotId};
use hatchery_model::volume::GROUP_STATUSES;

impl GroupVerbs {
    /// Sets a group's state by hand (`reset_status`). It is shown until something is done with the group. Administrators only. `NotFound`,
    /// `Invalid`.
    pub async fn reset_status(
        &self,
        caller: &Caller,
        id: GroupId,
        status: &str,
    ) -> Result<(), Error> {
        let mut uow = self.ports.store.begin().await?;
        let mut group = seen(&mut *uow, caller, id).await?;
        policy::admin(caller, "group:reset_status")?;
        group.said = said(status)?;
        group.updated_at = self.ports.clock.now();
        uow.volume_groups().update(&group).await?;
        Ok(uow.commit().await?)
    }

    /// The same for a group snapshot.
    pub async fn reset_snapshot_status(
        &self,
        caller: &Caller,
        id: GroupSnapshotId,
        status: &str,
    ) -> Result<(), Error> {
        let mut uow = self.ports.store.begin().await?;
        let mut snapshot = seen_snapshot(&mut *uow, caller, id).await?;
        policy::admin(caller, "group:reset_group_snapshot_status")?;
        snapshot.said = said(status)?;
        snapshot.updated_at = self.ports.clock.now();
        uow.group_snapshots().update(&snapshot).await?;
        Ok(uow.commit().await?)
    }
}

/// What there is to be noted. `None`: what is so anyway.
fn said(status: &str) -> Result<Option<String>, Error> {
    let status = status.to_lowercase();
    if !GROUP_STATUSES.contains(&status.as_str()) {
        return Err(Error::Invalid(format!(
            "Invalid input for field/attribute status. Value: {status}. It is none of {}.",
            GROUP_STATUSES.join(", ")
        )));
    }
    Ok((status != "available").then_some(status))
}
