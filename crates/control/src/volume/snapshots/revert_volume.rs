//! Has a volume hold again what it held at its newest snapshot.

use crate::error::Error;
use crate::volume::access;
use crate::volume::send::{self, Writing};
use crate::volume::verbs::VolumeVerbs;
use crate::volume::waiting;
use hatchery_model::caller::Caller;
use hatchery_model::id::{SnapshotId, VolumeId};
use hatchery_model::volume::{SnapshotState, VolumeState, VolumeWork};

impl VolumeVerbs {
    /// Has the volume put back to its newest snapshot, which has to be named. Needs `member` on its project.
    ///
    /// `NotFound`, `Denied`; `Invalid` for another snapshot or another size; `Conflict` unless both are available.
    pub async fn revert_volume(
        &self,
        caller: &Caller,
        id: VolumeId,
        to: SnapshotId,
    ) -> Result<(), Error> {
        let ports = &self.ports;
        let mut uow = ports.store.begin().await?;
        let action = "volume:revert_to_snapshot";
        let mut volume = access::changeable(&mut *uow, caller, id, action).await?;
        let snapshots = waiting::snapshots_of(&mut *uow, id).await?;
        let newest = snapshots.into_iter().max_by_key(|snapshot| snapshot.created_at);
        let Some(mut snapshot) = newest else {
            return Err(Error::Invalid(format!("Volume {id} doesn't have any snapshots.")));
        };
        if snapshot.id != to {
            return Err(Error::Invalid(format!(
                "Specified snapshot {to} is None or not the latest one of volume {id}."
            )));
        }
        if snapshot.size_gib != volume.size_gib {
            return Err(Error::Invalid(format!(
                "Can't revert volume {id} to its latest snapshot {to}. The volume size must be equal to the snapshot size."
            )));
        }
        let refused = |whose: &str, kind: &str| {
            Error::Conflict(format!(
                "Invalid {kind}: Can't revert volume {id} to its latest snapshot {to}. {whose} status must be 'available'."
            ))
        };
        if volume.state != VolumeState::Available || waiting::is_source(&mut *uow, id).await? {
            return Err(refused("Volume's", "volume"));
        }
        if snapshot.state != SnapshotState::Available {
            return Err(refused("Snapshot's", "snapshot"));
        }
        let now = ports.clock.now();
        snapshot.state = SnapshotState::Restoring;
        send::keep_snapshot(&mut *uow, &mut snapshot, now).await?;
        let work = VolumeWork::Revert(id, to);
        let order = send::ordered(volume.generation.next(), work, now);
        volume.state = VolumeState::Reverting { snapshot: to, order };
        send::keep(&mut *uow, &mut volume, now).await?;
        let writing = Writing { entropy: &*ports.entropy, now, request: &caller.request };
        let order = waiting::send_volume(&mut *uow, writing, &volume).await?;
        uow.commit().await?;
        ports.outgoing.hand_over(order);
        Ok(())
    }
}
