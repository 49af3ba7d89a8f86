//! Promises that a snapshot goes.

use crate::error::Error;
use crate::policy;
use crate::volume::access;
use crate::volume::send::{self, Writing};
use crate::volume::verbs::VolumeVerbs;
use crate::volume::waiting;
use hatchery_model::caller::Caller;
use hatchery_model::id::SnapshotId;
use hatchery_model::volume::{SnapshotState, VolumeWork};

impl VolumeVerbs {
    /// Promises that the snapshot goes; what was made of it stays. Needs `member` on its project; `force` (whatever its state) needs `admin`.
    ///
    /// `NotFound`, `Denied`; `Invalid` where its state does not allow it.
    pub async fn delete_snapshot(
        &self,
        caller: &Caller,
        id: SnapshotId,
        force: bool,
    ) -> Result<(), Error> {
        let ports = &self.ports;
        let mut uow = ports.store.begin().await?;
        let action = "volume:delete_snapshot";
        let mut snapshot = access::changeable_snapshot(&mut *uow, caller, id, action).await?;
        if force {
            policy::admin(caller, "volume_extension:snapshot_admin_actions:force_delete")?;
        } else if !snapshot.state.may_be_deleted() {
            return Err(Error::Invalid(
                "Invalid snapshot: Snapshot status must be available or error and must not be part of a group.".into(),
            ));
        }
        let now = ports.clock.now();
        let found = uow.volumes().find(snapshot.volume).await?;
        let Some(volume) = found.filter(|volume| volume.backend.is_some()) else {
            uow.snapshots().delete(id).await?;
            return Ok(uow.commit().await?);
        };
        let work = VolumeWork::RemoveSnapshot(volume.id, id);
        let ordered = send::ordered(snapshot.generation.next(), work, now);
        snapshot.state = SnapshotState::Deleting(ordered);
        send::keep_snapshot(&mut *uow, &mut snapshot, now).await?;
        let writing = Writing { entropy: &*ports.entropy, now, request: &caller.request };
        let order = waiting::send_snapshot(&mut *uow, writing, (&snapshot, &volume)).await?;
        uow.commit().await?;
        ports.outgoing.hand_over(order);
        Ok(())
    }
}
