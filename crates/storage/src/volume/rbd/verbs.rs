//! What is done with a volume that is there. All of this blocks.

use super::backend::Work;
use super::{create, names};
use crate::rbd::removal::sweep;
use crate::rbd::{Clash, OpenImage, RbdPool};
use hatchery_model::disk::BlockSource;
use hatchery_model::id::{SnapshotId, VolumeId};
use hatchery_model::units::Bytes;
use hatchery_ports::volume_backend::{Held, VolumeError};
use std::collections::BTreeSet;

pub(super) fn no_volume(volume: VolumeId) -> VolumeError {
    VolumeError::NotFound(format!("the backend has no volume {volume}: was it deleted?"))
}

pub(super) fn no_snapshot(snapshot: SnapshotId) -> VolumeError {
    VolumeError::NotFound(format!("the backend has no snapshot {snapshot}: was it deleted?"))
}

/// Opens a volume that must be there, for writing.
pub(super) fn open(pool: &RbdPool, volume: VolumeId) -> Result<OpenImage, VolumeError> {
    match pool.open(&names::volume(volume)) {
        Err(error) if error.is_not_found() => Err(no_volume(volume)),
        opened => Ok(opened?),
    }
}

/// Refuses what somebody has open: `image` is our own handle, if it is open for writing.
pub(super) fn require_idle(
    work: &Work<'_>,
    image: &OpenImage,
    volume: VolumeId,
    what: &str,
) -> Result<(), VolumeError> {
    let ours = work.ceph.client();
    let others: Vec<String> = image
        .watchers()?
        .into_iter()
        .filter(|watcher| watcher.client != ours)
        .map(|watcher| watcher.address)
        .collect();
    if others.is_empty() {
        return Ok(());
    }
    Err(VolumeError::Conflict(format!(
        "volume {volume} is in use by {}, so the backend cannot {what}: detach it, or wait 30 seconds if its user has died",
        others.join(", ")
    )))
}

pub(super) fn find(work: &Work<'_>, volume: VolumeId) -> Result<Option<BlockSource>, VolumeError> {
    let name = names::volume(volume);
    Ok(work.pool.find(&name)?.map(|_| work.source(name)))
}

pub(super) fn extend(work: &Work<'_>, volume: VolumeId, size: Bytes) -> Result<(), VolumeError> {
    open(&work.pool, volume)?.grow(create::whole_sectors(size)?)?;
    Ok(())
}

pub(super) fn snapshot(
    work: &Work<'_>,
    volume: VolumeId,
    snapshot: SnapshotId,
) -> Result<(), VolumeError> {
    match open(&work.pool, volume)?.snapshot(&names::snapshot(snapshot)) {
        Err(error) if error.clashes(Clash::Exists) => Ok(()),
        done => Ok(done?),
    }
}

/// The way back gives the volume the size that it had, too. Its size of today is noted before, so that it gets that again, also after a kill.
pub(super) fn revert(
    work: &Work<'_>,
    volume: VolumeId,
    snapshot: SnapshotId,
) -> Result<(), VolumeError> {
    let image = open(&work.pool, volume)?;
    let name = names::snapshot(snapshot);
    let taken = image.snapshots()?.into_iter().find(|one| one.name == name);
    let taken = taken.ok_or_else(|| no_snapshot(snapshot))?;
    require_idle(work, &image, volume, "revert it")?;
    let note = names::Note::size(volume);
    let size = image.size()?.max(note.read(&image)?.unwrap_or(0));
    if size != taken.size {
        note.keep(&image, size)?;
    }
    image.roll_back(&name)?;
    image.grow(size)?;
    if size != taken.size {
        note.remove(&image)?;
    }
    Ok(image.close()?)
}

/// All that the pool holds of ours; what nobody needs any more goes on the way.
pub(super) fn list(work: &Work<'_>) -> Result<Vec<Held>, VolumeError> {
    sweep(&work.pool)?;
    let mut held = BTreeSet::new();
    for image in work.pool.list()? {
        let Some(volume) = names::read(&image.name) else { continue };
        held.insert(Held::Volume(volume));
        // One that is gone meanwhile has none.
        if let Some(open) = work.pool.find(&image.name)? {
            let snapshots = open.snapshots()?;
            for snapshot in snapshots.iter().filter_map(|one| names::read_snapshot(&one.name)) {
                if open.note(&names::unmanaged_note(snapshot))?.is_none() {
                    held.insert(Held::Snapshot(volume, snapshot));
                }
            }
        }
    }
    Ok(held.into_iter().collect())
}
