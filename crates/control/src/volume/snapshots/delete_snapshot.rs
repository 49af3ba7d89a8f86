//! Promises that a snapshot goes.

use crate::error::Error;
use crate::policy;
use crate::volume::access;
use crate::volume::send::{self, Writing};
use crate::volume::verbs::VolumeVerbs;
use crate::volume::waiting;
use crate::workflow::Order;
use hatchery_model::caller::Caller;
use hatchery_model::id::SnapshotId;
use hatchery_model::volume::{Snapshot, SnapshotState, VolumeWork};
use hatchery_ports::store::UnitOfWork;

impl VolumeVerbs {
    /// Promises that the snapshot goes; what was made of it stays. Needs `member` on its project; `force` (whatever its state) needs `admin`.
    ///
    /// `NotFound`, `Denied`; `Invalid` where its state does not allow it, or it is part of a group snapshot.
    pub async fn delete_snapshot(
        &self,
        caller: &Caller,
        id: SnapshotId,
        force: bool,
    ) -> Result<(), Error> {
        let ports = &self.ports;
        let mut uow = ports.store.begin().await?;
        let action = "volume:delete_snapshot";
        let snapshot = access::changeable_snapshot(&mut *uow, caller, id, action).await?;
        if force {
            policy::admin(caller, "volume_extension:snapshot_admin_actions:force_delete")?;
        }
        if snapshot.group_snapshot.is_some() || (!force && !snapshot.state.may_be_deleted()) {
            return Err(Error::Invalid(
                "Invalid snapshot: Snapshot status must be available or error and must not be part of a group.".into(),
            ));
        }
        let writing =
            Writing { entropy: &*ports.entropy, now: ports.clock.now(), request: &caller.request };
        let order = promise(&mut *uow, writing, snapshot).await?;
        uow.commit().await?;
        ports.outgoing.hand_over(order);
        Ok(())
    }
}

/// Marks a snapshot as going, and orders that from its backend, unless it has to wait.
pub(in crate::volume) async fn promise(
    uow: &mut dyn UnitOfWork,
    writing: Writing<'_>,
    mut snapshot: Snapshot,
) -> Result<Option<Order>, Error> {
    let found = uow.volumes().find(snapshot.volume).await?;
    let Some(volume) = found.filter(|volume| volume.backend.is_some()) else {
        uow.snapshots().delete(snapshot.id).await?;
        return Ok(None);
    };
    let work = removal_of(&snapshot);
    let ordered = send::ordered(snapshot.generation.next(), work, writing.now);
    snapshot.state = SnapshotState::Deleting(ordered);
    send::keep_snapshot(uow, &mut snapshot, writing.now).await?;
    waiting::send_snapshot(uow, writing, (&snapshot, &volume)).await
}

/// What is to be done for a snapshot to go. What was to be taken for it, and may have been, is not the cloud's to remove.
pub(in crate::volume) fn removal_of(snapshot: &Snapshot) -> VolumeWork {
    match snapshot.state {
        SnapshotState::Managing(_) | SnapshotState::NotManaged => {
            VolumeWork::UnmanageSnapshot(snapshot.volume, snapshot.id)
        }
        _ => VolumeWork::RemoveSnapshot(snapshot.volume, snapshot.id),
    }
}
