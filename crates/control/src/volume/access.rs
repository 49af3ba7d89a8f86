//! Who may see and change what a project has of volumes.

use crate::error::Error;
use crate::policy;
use hatchery_model::caller::Caller;
use hatchery_model::id::{AttachmentId, SnapshotId, VolumeId};
use hatchery_model::volume::{Attachment, Snapshot, Volume};
use hatchery_ports::store::UnitOfWork;

/// The volume, if the caller may see it; `NotFound` otherwise.
pub(crate) async fn seen(
    uow: &mut dyn UnitOfWork,
    caller: &Caller,
    id: VolumeId,
) -> Result<Volume, Error> {
    let found = uow.volumes().find(id).await?;
    found
        .filter(|volume| policy::may_read(caller, &volume.project))
        .ok_or_else(|| Error::not_found("Volume", id))
}

/// The volume, if the caller may change it; `Denied` when they only may see it.
pub(crate) async fn changeable(
    uow: &mut dyn UnitOfWork,
    caller: &Caller,
    id: VolumeId,
    action: &str,
) -> Result<Volume, Error> {
    let volume = seen(uow, caller, id).await?;
    policy::write(caller, &volume.project, action)?;
    Ok(volume)
}

/// The snapshot, if the caller may see it; `NotFound` otherwise.
pub(crate) async fn seen_snapshot(
    uow: &mut dyn UnitOfWork,
    caller: &Caller,
    id: SnapshotId,
) -> Result<Snapshot, Error> {
    let found = uow.snapshots().find(id).await?;
    found
        .filter(|snapshot| policy::may_read(caller, &snapshot.project))
        .ok_or_else(|| Error::not_found("Snapshot", id))
}

/// The snapshot, if the caller may change it; `Denied` when they only may see it.
pub(super) async fn changeable_snapshot(
    uow: &mut dyn UnitOfWork,
    caller: &Caller,
    id: SnapshotId,
    action: &str,
) -> Result<Snapshot, Error> {
    let snapshot = seen_snapshot(uow, caller, id).await?;
    policy::write(caller, &snapshot.project, action)?;
    Ok(snapshot)
}

/// The attachment, if the caller may see it; `NotFound` otherwise.
pub(super) async fn seen_attachment(
    uow: &mut dyn UnitOfWork,
    caller: &Caller,
    id: AttachmentId,
) -> Result<Attachment, Error> {
    let found = uow.attachments().find(id).await?;
    found.filter(|attachment| policy::may_read(caller, &attachment.project)).ok_or_else(|| {
        Error::not_found("Volume attachment", format!("with filter: attachment_id = {id}"))
    })
}
