//! Promises that a volume goes, with its snapshots where that is wanted.

use super::send::{self, Writing};
use super::verbs::VolumeVerbs;
use super::waiting::{self, snapshots_of};
use super::{access, image_cache, moving, upload_to_image};
use crate::error::Error;
use crate::policy;
use crate::workflow::Order;
use hatchery_model::caller::Caller;
use hatchery_model::id::VolumeId;
use hatchery_model::volume::{
    Attachment, AttachmentState, Snapshot, SnapshotState, Volume, VolumeState, VolumeWork,
};
use hatchery_ports::store::UnitOfWork;

/// How a volume is to be deleted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct VolumeRemoval {
    /// With its snapshots.
    pub cascade: bool,
    /// Whatever its state. Administrators only.
    pub force: bool,
    /// Its backend only forgets it, and its bytes stay (`os-unmanage`). Administrators only.
    pub keep_bytes: bool,
}

impl VolumeVerbs {
    /// Promises that the volume goes. Needs `member` on its project; `force` needs `admin`.
    ///
    /// `NotFound`, `Denied`; `Invalid` while it is used, is being worked on, is in a group, or has snapshots that are not to go with it.
    pub async fn delete_volume(
        &self,
        caller: &Caller,
        id: VolumeId,
        how: VolumeRemoval,
    ) -> Result<(), Error> {
        let ports = &self.ports;
        let mut uow = ports.store.begin().await?;
        let volume = access::changeable(&mut *uow, caller, id, "volume:delete").await?;
        if how.force {
            policy::admin(caller, "volume:force_delete")?;
        }
        if how.keep_bytes {
            policy::admin(caller, "volume_extension:volume_unmanage")?;
        }
        let writing =
            Writing { entropy: &*ports.entropy, now: ports.clock.now(), request: &caller.request };
        let orders = promise(&mut *uow, writing, caller, volume, how).await?;
        uow.commit().await?;
        ports.outgoing.hand_over(orders);
        Ok(())
    }
}

async fn promise(
    uow: &mut dyn UnitOfWork,
    writing: Writing<'_>,
    caller: &Caller,
    volume: Volume,
    how: VolumeRemoval,
) -> Result<Vec<Order>, Error> {
    let attachments = uow.attachments().list(None, Some(volume.id), None).await?;
    let in_use = attachments.iter().any(is_plugged);
    let state_allows = volume.group.is_none() && (how.force || volume.state.may_be_deleted());
    let snapshots = snapshots_of(uow, volume.id).await?;
    if in_use || !state_allows || !snapshots_allow(&snapshots, caller, how) {
        return Err(refused(how.force));
    }
    for attachment in attachments {
        uow.attachments().delete(attachment.id).await?;
    }
    begin(uow, writing, volume, (snapshots, how.keep_bytes)).await
}

/// Marks a volume that nobody uses and that has no snapshots as going. The orders that can leave now.
pub(crate) async fn begin_delete(
    uow: &mut dyn UnitOfWork,
    writing: Writing<'_>,
    volume: Volume,
) -> Result<Vec<Order>, Error> {
    begin(uow, writing, volume, (Vec::new(), false)).await
}

/// Marks a volume that nobody uses as going, its snapshots with it, and orders what can be done at once.
async fn begin(
    uow: &mut dyn UnitOfWork,
    writing: Writing<'_>,
    mut volume: Volume,
    (snapshots, keep_bytes): (Vec<Snapshot>, bool),
) -> Result<Vec<Order>, Error> {
    uow.volume_transfers().delete_of(volume.id).await?;
    if volume.backend.is_none() {
        // Nothing was ever made of it.
        uow.volumes().delete(volume.id).await?;
        return Ok(Vec::new());
    }
    image_cache::leaves(uow, volume.id).await?;
    moving::left_behind(&mut volume);
    let mut orders = upload_to_image::abandoned(uow, writing, &volume, &volume.state).await?;
    for mut snapshot in snapshots {
        let work = VolumeWork::RemoveSnapshot(volume.id, snapshot.id);
        let ordered = send::ordered(snapshot.generation.next(), work, writing.now);
        snapshot.state = SnapshotState::Deleting(ordered);
        send::keep_snapshot(uow, &mut snapshot, writing.now).await?;
        orders.extend(waiting::send_snapshot(uow, writing, (&snapshot, &volume)).await?);
    }
    // What was to be taken for it, and may have been, is not the cloud's to remove.
    let never_ours = matches!(volume.state, VolumeState::Managing(_) | VolumeState::NotManaged);
    let work = if keep_bytes || never_ours {
        VolumeWork::Unmanage(volume.id)
    } else {
        VolumeWork::Remove(volume.id)
    };
    let ordered = send::ordered(volume.generation.next(), work, writing.now);
    volume.state =
        if keep_bytes { VolumeState::Unmanaging(ordered) } else { VolumeState::Deleting(ordered) };
    send::keep(uow, &mut volume, writing.now).await?;
    orders.extend(waiting::send_volume(uow, writing, &volume).await?);
    Ok(orders)
}

/// Whether a guest has it, or is about to.
fn is_plugged(attachment: &Attachment) -> bool {
    match attachment.state {
        AttachmentState::Attached | AttachmentState::Attaching | AttachmentState::Detaching => true,
        AttachmentState::Reserved => false,
    }
}

fn snapshots_allow(snapshots: &[Snapshot], caller: &Caller, how: VolumeRemoval) -> bool {
    if !how.cascade {
        return snapshots.is_empty();
    }
    let of_caller =
        |snapshot: &Snapshot| caller.is_admin() || caller.project() == Some(&snapshot.project);
    snapshots.iter().all(|one| one.group_snapshot.is_none())
        && (how.force
            || snapshots.iter().all(|one| {
                let going = matches!(one.state, SnapshotState::Deleting(_));
                (going || one.state.may_be_deleted()) && of_caller(one)
            }))
}

fn refused(force: bool) -> Error {
    let status = if force {
        ""
    } else {
        "status must be available or error or error_restoring or error_extending or error_managing and"
    };
    Error::Invalid(format!(
        "Invalid volume: Volume {status} must not be migrating, attached, belong to a group, have snapshots, awaiting a transfer, or be disassociated from snapshots after volume transfer."
    ))
}
