//! Promises that a group snapshot goes.

use super::{GroupVerbs, seen_snapshot, snapshots_of};
use crate::error::Error;
use crate::policy;
use crate::volume::send::Writing;
use crate::volume::snapshots::promise;
use hatchery_model::caller::Caller;
use hatchery_model::id::GroupSnapshotId;
use hatchery_model::volume::SnapshotState;

impl GroupVerbs {
    /// Promises that the group snapshot goes, with its snapshots. Needs `member` on its project. May be asked for again when one could not be
    /// removed.
    ///
    /// `NotFound`, `Denied`; `Invalid` while something is being done with it.
    pub async fn delete_snapshot(&self, caller: &Caller, id: GroupSnapshotId) -> Result<(), Error> {
        let ports = &self.ports;
        let mut uow = ports.store.begin().await?;
        let mut group_snapshot = seen_snapshot(&mut *uow, caller, id).await?;
        policy::write(caller, &group_snapshot.project, "group:delete_group_snapshot")?;
        let snapshots = snapshots_of(&mut *uow, id).await?;
        let going = |state: &SnapshotState| matches!(state, SnapshotState::Deleting(_));
        let is_idle = snapshots.iter().all(|one| going(&one.state) || one.state.may_be_deleted());
        if group_snapshot.status(&snapshots) == "deleting" || !is_idle {
            return Err(Error::Invalid(
                "Invalid GroupSnapshot: GroupSnapshot status must be available or error, and no Group can be currently using it as source for its creation.".into(),
            ));
        }
        let now = ports.clock.now();
        let writing = Writing { entropy: &*ports.entropy, now, request: &caller.request };
        let mut orders = Vec::new();
        for snapshot in snapshots {
            if !going(&snapshot.state) {
                orders.extend(promise(&mut *uow, writing, snapshot).await?);
            }
        }
        if snapshots_of(&mut *uow, id).await?.is_empty() {
            uow.group_snapshots().delete(id).await?;
        } else {
            (group_snapshot.deleting, group_snapshot.updated_at) = (true, now);
            uow.group_snapshots().update(&group_snapshot).await?;
        }
        uow.commit().await?;
        ports.outgoing.hand_over(orders);
        Ok(())
    }
}
