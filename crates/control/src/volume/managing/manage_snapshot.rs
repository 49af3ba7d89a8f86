//! Takes a snapshot that a volume has in its backend for one of the cloud, and lets one go.

use super::{backend, keeps_foreign_snapshots};
use crate::error::Error;
use crate::policy;
use crate::volume::access;
use crate::volume::send::{self, Writing};
use crate::volume::snapshots::{SnapshotRequest, begin};
use crate::volume::verbs::VolumeVerbs;
use crate::volume::waiting;
use hatchery_model::caller::Caller;
use hatchery_model::generation::Generation;
use hatchery_model::id::SnapshotId;
use hatchery_model::volume::{Snapshot, SnapshotState, Volume, VolumeWork};
use hatchery_ports::entropy::random_uuid;
use hatchery_ports::store::UnitOfWork;

impl VolumeVerbs {
    /// A new snapshot, `creating`, and ordered: what the volume has under this name in its backend. Administrators only.
    ///
    /// `NotFound` (volume), `Unavailable` (its backend), `Exhausted` (quota); `Invalid` where the volume's state or its backend does not allow it,
    /// or the name is that of a snapshot that there is. What its backend does not take is in `error` afterwards, and its project is told why.
    pub async fn manage_snapshot(
        &self,
        caller: &Caller,
        request: SnapshotRequest,
        source_name: &str,
    ) -> Result<Snapshot, Error> {
        policy::admin(caller, "snapshot_extension:snapshot_manage")?;
        let project = policy::writer_project(caller, "snapshot_extension:snapshot_manage")?;
        let ports = &self.ports;
        let now = ports.clock.now();
        let mut uow = ports.store.begin().await?;
        let volume = access::seen(&mut *uow, caller, request.volume).await?;
        if let Some(found) = &volume.backend {
            backend(&mut *uow, &ports.settings, now, &found.to_string()).await?;
        }
        require_ability(&mut *uow, &volume).await?;
        check_free(&mut *uow, source_name).await?;
        let id = SnapshotId(random_uuid(&*ports.entropy));
        let work = VolumeWork::ManageSnapshot(volume.id, id, source_name.to_owned());
        let state = SnapshotState::Managing(send::ordered(Generation::FIRST, work, now));
        let writing = Writing { entropy: &*ports.entropy, now, request: &caller.request };
        let (by, what) = ((caller, project), (&volume, request, None));
        let began = begin(&mut *uow, writing, &ports.settings, by, what, (id, state));
        let (snapshot, order) = began.await?;
        uow.commit().await?;
        ports.outgoing.hand_over([order]);
        Ok(snapshot)
    }

    /// Promises that the snapshot is forgotten; it stays in the backend. Administrators only.
    ///
    /// `NotFound`; `Invalid` where its state or its backend does not allow it, or it is part of a group snapshot.
    pub async fn unmanage_snapshot(&self, caller: &Caller, id: SnapshotId) -> Result<(), Error> {
        policy::admin(caller, "snapshot_extension:snapshot_unmanage")?;
        let ports = &self.ports;
        let mut uow = ports.store.begin().await?;
        let mut snapshot = access::seen_snapshot(&mut *uow, caller, id).await?;
        if snapshot.group_snapshot.is_some() || !snapshot.state.may_be_deleted() {
            return Err(Error::Invalid(
                "Invalid snapshot: Snapshot status must be available or error and must not be part of a group.".into(),
            ));
        }
        let found = uow.volumes().find(snapshot.volume).await?;
        let volume = found.ok_or_else(|| Error::not_found("Volume", snapshot.volume))?;
        require_ability(&mut *uow, &volume).await?;
        let now = ports.clock.now();
        let work = VolumeWork::UnmanageSnapshot(volume.id, id);
        let ordered = send::ordered(snapshot.generation.next(), work, now);
        snapshot.state = SnapshotState::Unmanaging(ordered);
        send::keep_snapshot(&mut *uow, &mut snapshot, now).await?;
        let writing = Writing { entropy: &*ports.entropy, now, request: &caller.request };
        let order = waiting::send_snapshot(&mut *uow, writing, (&snapshot, &volume)).await?;
        uow.commit().await?;
        ports.outgoing.hand_over(order);
        Ok(())
    }
}

/// Refuses at once what the backend would refuse later.
async fn require_ability(uow: &mut dyn UnitOfWork, volume: &Volume) -> Result<(), Error> {
    match &volume.backend {
        Some(backend) if !keeps_foreign_snapshots(uow, backend).await? => {
            Err(Error::Invalid(format!(
                "Invalid volume: the backend {backend} has no snapshots but those that it makes itself. Only backends in Ceph can take and leave others."
            )))
        }
        Some(_) | None => Ok(()),
    }
}

/// Refuses the name of a snapshot that there is.
async fn check_free(uow: &mut dyn UnitOfWork, name: &str) -> Result<(), Error> {
    let id = name.strip_prefix("snapshot-").and_then(|id| id.parse::<SnapshotId>().ok());
    if let Some(id) = id
        && uow.snapshots().find(id).await?.is_some()
    {
        return Err(Error::Invalid(
            "Invalid snapshot: Unable to manage existing snapshot. The snapshot is already managed"
                .into(),
        ));
    }
    Ok(())
}
