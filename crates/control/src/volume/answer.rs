//! What the answer to an order does to the rows. Only the order that the row waits for can be answered: whatever comes late, twice or for
//! another order changes nothing.

use super::send::{Writing, keep, keep_snapshot};
use super::settings::VolumeSettings;
use super::tell::{self, About, Action, Detail};
use super::waiting;
use super::{backups, bind, extend_action, groups, image_cache, managing, moving, upload_to_image};
use crate::compute::imaging;
use crate::error::Error;
use crate::image::arriving;
use crate::workflow::{Order, server_disks};
use hatchery_model::disk::BlockSource;
use hatchery_model::id::{SnapshotId, VolumeId};
use hatchery_model::units::Bytes;
use hatchery_model::volume::{
    NotThen, Snapshot, SnapshotState, Volume, VolumeContent, VolumeNews, VolumeOutcome,
    VolumeState, VolumeSubject, VolumeWork,
};
use hatchery_ports::store::UnitOfWork;

/// When and for whom an answer is written down.
#[derive(Clone, Copy)]
pub(crate) struct Ground<'a> {
    pub(crate) writing: Writing<'a>,
    pub(crate) settings: &'a VolumeSettings,
}

/// Writes an answer down. `None`: nothing had to be; else the orders that can leave now.
pub(crate) async fn taken(
    uow: &mut dyn UnitOfWork,
    ground: Ground<'_>,
    news: &VolumeNews,
) -> Result<Option<Vec<Order>>, Error> {
    match news.subject {
        VolumeSubject::Volume(id) => {
            let brought = brought(uow, ground, &news.outcome).await?;
            let found = uow.volumes().find(id).await?;
            let waits = |volume: &Volume| {
                volume.state.ordered().is_some_and(|order| order.is_answered_by(news))
            };
            let Some(mut volume) = found.filter(waits) else { return Ok(brought.then(Vec::new)) };
            match &news.outcome {
                // Nobody orders that of a volume.
                VolumeOutcome::ManagedSnapshot { .. } => Ok(brought.then(Vec::new)),
                VolumeOutcome::Done { .. }
                | VolumeOutcome::Managed { .. }
                | VolumeOutcome::Uploaded { .. } => done(uow, ground, volume, news).await.map(Some),
                VolumeOutcome::Failed { message, details, leaves } => {
                    tracing::warn!(volume.id = %id, work = news.work, message, details, leaves, "an order about a volume has failed");
                    if *leaves {
                        moving::left_behind(&mut volume);
                    }
                    let otherwise =
                        image_cache::clone_failed(uow, ground.writing, &volume, message).await?;
                    if otherwise.is_some() {
                        return Ok(otherwise);
                    }
                    failed(uow, ground, volume, message).await.map(Some)
                }
            }
        }
        VolumeSubject::Snapshot(id) => {
            let found = uow.snapshots().find(id).await?;
            let waits = |snapshot: &Snapshot| {
                snapshot.state.ordered().is_some_and(|order| order.is_answered_by(news))
            };
            let Some(mut snapshot) = found.filter(waits) else { return Ok(None) };
            match &news.outcome {
                VolumeOutcome::ManagedSnapshot { size } => {
                    snapshot.size_gib = size.to_gib_ceil();
                    done_snapshot(uow, ground, snapshot, None).await.map(Some)
                }
                VolumeOutcome::Done { source, .. } => {
                    done_snapshot(uow, ground, snapshot, source.clone()).await.map(Some)
                }
                // Nobody orders that of a snapshot.
                VolumeOutcome::Uploaded { .. } | VolumeOutcome::Managed { .. } => Ok(None),
                VolumeOutcome::Failed { message, details, .. } => {
                    tracing::warn!(snapshot.id = %id, work = news.work, message, details, "an order about a snapshot has failed");
                    failed_snapshot(uow, ground, snapshot, message).await.map(Some)
                }
            }
        }
        VolumeSubject::Backup(id) => backups::taken(uow, ground, (id, news)).await,
        VolumeSubject::Disk(id) => {
            let brought = brought(uow, ground, &news.outcome).await?;
            let taken = imaging::taken(uow, ground, id, news).await?;
            Ok(taken.or_else(|| brought.then(Vec::new)))
        }
    }
}

async fn done(
    uow: &mut dyn UnitOfWork,
    ground: Ground<'_>,
    mut volume: Volume,
    news: &VolumeNews,
) -> Result<Vec<Order>, Error> {
    let before = volume.state.clone();
    if let VolumeState::Moving(moving) = before {
        return moving::done(uow, ground, (volume, *moving), news).await;
    }
    let filling = image_cache::cost_of_filling(uow, &volume).await?;
    let attachments = uow.attachments().list(None, Some(volume.id), None).await?;
    let Some(state) = volume.state.clone().done().map_err(illegal)? else {
        if let Some(orders) = moving::next_removal(uow, ground.writing, &mut volume).await? {
            return Ok(orders);
        }
        for attachment in attachments {
            uow.attachments().delete(attachment.id).await?;
        }
        uow.volumes().delete(volume.id).await?;
        groups::volume_gone(uow, volume.group).await?;
        return image_cache::gone(uow, ground.writing, volume.id).await;
    };
    volume.state = bind::rested(state, &attachments);
    if let VolumeOutcome::Done { source, rung, bytes_copied } = &news.outcome {
        volume.source = source.clone().or(volume.source);
        if let (VolumeState::Creating(_), Some(way)) = (&before, &mut volume.way) {
            way.rung = rung.unwrap_or(way.rung);
            way.bytes_copied = Some(Bytes(bytes_copied.0 + filling.0.0));
            way.took_ms = Some(news.took_ms + filling.1);
        }
    }
    if let VolumeOutcome::Managed { source, size } = &news.outcome {
        managing::taken(&mut volume, source, *size);
    }
    if let VolumeState::Extending { to_gib, .. } = &before {
        volume.size_gib = *to_gib;
    }
    extend_action::end(uow, ground.writing, (&before, &attachments), None).await?;
    if let VolumeState::Reverting { snapshot, .. } = &before {
        restored(uow, ground, *snapshot).await?;
    }
    keep(uow, &mut volume, ground.writing.now).await?;
    let mut orders = release_source(uow, ground, &before).await?;
    let uploaded = (&volume, &before);
    orders.extend(image_cache::made(uow, ground.writing, uploaded, &news.outcome).await?);
    if matches!(before, VolumeState::Creating(_)) {
        orders.extend(server_disks::volume_made(uow, ground.writing, &attachments).await?);
        orders.extend(backups::volume_made(uow, ground, &mut volume).await?);
        orders.extend(image_cache::built(uow, ground.writing, volume.id).await?);
    }
    Ok(orders)
}

/// An image gets the bytes that were brought for it, whatever has become of their volume since. Says whether there were any.
async fn brought(
    uow: &mut dyn UnitOfWork,
    ground: Ground<'_>,
    outcome: &VolumeOutcome,
) -> Result<bool, Error> {
    let VolumeOutcome::Uploaded { image, upload, content, .. } = outcome else { return Ok(false) };
    arriving::arrived(uow, ground.writing, (*image, upload), content).await?;
    Ok(true)
}

/// The volume's order could not be carried out, or nobody is there who could. Nothing of it is left.
pub(crate) async fn failed(
    uow: &mut dyn UnitOfWork,
    ground: Ground<'_>,
    mut volume: Volume,
    message: &str,
) -> Result<Vec<Order>, Error> {
    let before = volume.state.clone();
    if let VolumeState::Moving(moving) = before {
        return moving::failed(uow, ground, (volume, *moving), message).await;
    }
    let attachments = uow.attachments().list(None, Some(volume.id), None).await?;
    let state = volume.state.failed().map_err(illegal)?;
    volume.state = bind::rested(state, &attachments);
    if let VolumeState::Reverting { snapshot, .. } = &before {
        restored(uow, ground, *snapshot).await?;
    }
    let mut orders = upload_to_image::abandoned(uow, ground.writing, &volume, &before).await?;
    extend_action::end(uow, ground.writing, (&before, &attachments), Some(message)).await?;
    keep(uow, &mut volume, ground.writing.now).await?;
    let about = (&volume.project, About::Volume(volume.id));
    let what = words(before.ordered().map(|order| &*order.work));
    tell::tell(uow, ground.writing, ground.settings, about, what, message).await?;
    orders.extend(release_source(uow, ground, &before).await?);
    if matches!(before, VolumeState::Creating(_)) {
        let of = (&volume, &attachments[..]);
        orders.extend(server_disks::volume_not_made(uow, ground.writing, of, message).await?);
        orders.extend(backups::volume_made(uow, ground, &mut volume).await?);
        orders.extend(image_cache::not_built(uow, ground, volume.id, message).await?);
    }
    if matches!(before, VolumeState::Deleting(_)) {
        orders.extend(image_cache::not_gone(uow, ground.writing, volume.id).await?);
    }
    Ok(orders)
}

/// A row that waits for an order always takes its answer.
fn illegal(error: NotThen) -> Error {
    Error::Internal { source: Box::new(error) }
}

/// What was being done, and what went wrong, in Cinder's numbers.
fn words(work: Option<&VolumeWork>) -> (Action, Detail) {
    let Some(work) = work else { return (tell::CREATE, tell::UNKNOWN) };
    match work {
        VolumeWork::Create(new) if matches!(new.content, VolumeContent::Image { .. }) => {
            (tell::COPY_IMAGE_TO_VOLUME, tell::NOT_CREATED)
        }
        VolumeWork::Create(_) => (tell::CREATE, tell::NOT_CREATED),
        VolumeWork::Extend(..) => (tell::EXTEND, tell::NOT_EXTENDED),
        VolumeWork::UploadToImage(..) | VolumeWork::DiskToImage(..) => {
            (tell::COPY_VOLUME_TO_IMAGE, tell::NOT_UPLOADED)
        }
        VolumeWork::Revert(..) => (tell::REVERT, tell::UNKNOWN),
        VolumeWork::Remove(_) => (tell::DELETE, tell::UNKNOWN),
        VolumeWork::CopyFrom(..) => (tell::MIGRATE, tell::UNKNOWN),
        VolumeWork::Manage(..) => (tell::MANAGE, tell::UNKNOWN),
        VolumeWork::Unmanage(_) => (tell::UNMANAGE, tell::UNKNOWN),
        VolumeWork::ManageSnapshot(..) => (tell::SNAPSHOT_MANAGE, tell::UNKNOWN),
        VolumeWork::UnmanageSnapshot(..) => (tell::SNAPSHOT_UNMANAGE, tell::UNKNOWN),
        VolumeWork::CreateSnapshot(..) => (tell::SNAPSHOT_CREATE, tell::SNAPSHOT_NOT_CREATED),
        VolumeWork::RemoveSnapshot(..) => (tell::SNAPSHOT_DELETE, tell::SNAPSHOT_NOT_DELETED),
        VolumeWork::Backup(_) | VolumeWork::Restore(..) | VolumeWork::RemoveBackup(..) => {
            (tell::CREATE, tell::UNKNOWN)
        }
    }
}

/// The snapshot to which a volume was put back is there as before, whatever came of it.
async fn restored(
    uow: &mut dyn UnitOfWork,
    ground: Ground<'_>,
    id: SnapshotId,
) -> Result<(), Error> {
    let Some(mut snapshot) = uow.snapshots().find(id).await? else { return Ok(()) };
    if snapshot.state != SnapshotState::Restoring {
        return Ok(());
    }
    snapshot.state = SnapshotState::Available;
    keep_snapshot(uow, &mut snapshot, ground.writing.now).await
}

/// What has waited for a volume to be made of its source need not wait any more.
async fn release_source(
    uow: &mut dyn UnitOfWork,
    ground: Ground<'_>,
    before: &VolumeState,
) -> Result<Vec<Order>, Error> {
    let VolumeState::Creating(order) = before else { return Ok(Vec::new()) };
    match source_of(&order.work) {
        Some(source) => waiting::release(uow, ground.writing, source).await,
        None => Ok(Vec::new()),
    }
}

fn source_of(work: &VolumeWork) -> Option<VolumeId> {
    let VolumeWork::Create(new) = work else { return None };
    new.content.made_of()
}

async fn done_snapshot(
    uow: &mut dyn UnitOfWork,
    ground: Ground<'_>,
    mut snapshot: Snapshot,
    moved_to: Option<BlockSource>,
) -> Result<Vec<Order>, Error> {
    let now = ground.writing.now;
    match snapshot.state.done().map_err(illegal)? {
        Some(state) => {
            snapshot.state = state;
            keep_snapshot(uow, &mut snapshot, now).await?;
            if let Some(source) = moved_to
                && let Some(mut volume) = uow.volumes().find(snapshot.volume).await?
            {
                volume.source = Some(source);
                keep(uow, &mut volume, now).await?;
            }
            Ok(Vec::new())
        }
        None => {
            uow.snapshots().delete(snapshot.id).await?;
            groups::snapshot_gone(uow, snapshot.group_snapshot).await?;
            waiting::release(uow, ground.writing, snapshot.volume).await
        }
    }
}

/// The snapshot's order could not be carried out, or nobody is there who could. A volume that waits for the snapshot to go cannot go either.
pub(crate) async fn failed_snapshot(
    uow: &mut dyn UnitOfWork,
    ground: Ground<'_>,
    mut snapshot: Snapshot,
    message: &str,
) -> Result<Vec<Order>, Error> {
    let deleting =
        matches!(snapshot.state, SnapshotState::Deleting(_) | SnapshotState::Unmanaging(_));
    let what = words(snapshot.state.ordered().map(|order| &*order.work));
    snapshot.state = snapshot.state.failed().map_err(illegal)?;
    keep_snapshot(uow, &mut snapshot, ground.writing.now).await?;
    let about = (&snapshot.project, About::Snapshot(snapshot.id));
    tell::tell(uow, ground.writing, ground.settings, about, what, message).await?;
    if let Some(volume) = uow.volumes().find(snapshot.volume).await?
        && deleting
        && matches!(volume.state, VolumeState::Deleting(_))
    {
        let why = format!("Its snapshot {} could not be deleted: {message}", snapshot.id);
        return failed(uow, ground, volume, &why).await;
    }
    Ok(Vec::new())
}
