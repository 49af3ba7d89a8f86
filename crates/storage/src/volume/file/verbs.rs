//! What is done with a volume that is there. All of this blocks, and every change holds the folder's lock.

use super::error::failed;
use super::in_use::is_in_use;
use super::record::{SnapshotRecord, VolumeRecord};
use super::shelf::Shelf;
use crate::qcow2::{Header, MAX_VIRTUAL_BYTES, grow, is_untouched};
use hatchery_model::disk::BlockSource;
use hatchery_model::id::{SnapshotId, VolumeId};
use hatchery_model::image::ImageFormat;
use hatchery_model::units::Bytes;
use hatchery_ports::volume_backend::{Held, VolumeError};
use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::path::Path;

pub(super) fn no_snapshot(snapshot: SnapshotId) -> VolumeError {
    VolumeError::NotFound(format!("the backend has no snapshot {snapshot}: was it deleted?"))
}

/// The volume goes on in a new file. Gives the file that nobody writes to from now on; the caller keeps the record.
pub(super) fn freeze(
    shelf: &Shelf,
    record: &mut VolumeRecord,
    what: &str,
) -> Result<String, VolumeError> {
    shelf.require_idle(record, what)?;
    let next = next_file(record);
    shelf.lay(&next, &record.file, record.size)?;
    Ok(std::mem::replace(&mut record.file, next))
}

/// The file that holds all that the volume does, and that nobody writes to; if there is one.
pub(super) fn frozen(shelf: &Shelf, record: &VolumeRecord) -> Result<Option<String>, VolumeError> {
    let doing = "look at the volume's file";
    let Some(below) = shelf.file(&record.file)?.backing else { return Ok(None) };
    let path = shelf.path(&record.file);
    let untouched =
        !is_in_use(&path).map_err(failed(doing))? && is_untouched(&path).map_err(failed(doing))?;
    Ok(untouched.then_some(below))
}

fn next_file(record: &mut VolumeRecord) -> String {
    let number = record.next;
    record.next += 1;
    format!("volume-{}.{number}", record.volume)
}

pub(super) fn find(shelf: &Shelf, volume: VolumeId) -> Result<Option<BlockSource>, VolumeError> {
    let _lock = shelf.lock()?;
    match shelf.volume(volume)? {
        Some(record) => shelf.source(&record.file).map(Some),
        None => Ok(None),
    }
}

pub(super) fn remove(shelf: &Shelf, volume: VolumeId) -> Result<(), VolumeError> {
    let doing = "remove the volume";
    let _turn = shelf.turn(volume)?;
    let _lock = shelf.lock()?;
    crate::durable::remove(&shelf.incoming(&format!("volume-{volume}"))).map_err(failed(doing))?;
    if let Some(record) = shelf.volume(volume)? {
        if !record.snapshots.is_empty() {
            return Err(VolumeError::Conflict(format!(
                "volume {volume} has {} snapshots: delete them first",
                record.snapshots.len()
            )));
        }
        shelf.require_idle(&record, "delete it")?;
        shelf.forget(volume).map_err(failed(doing))?;
    }
    shelf.sweep().map_err(failed(doing))
}

pub(super) fn extend(shelf: &Shelf, volume: VolumeId, size: Bytes) -> Result<(), VolumeError> {
    let doing = "extend the volume";
    if size.0 > MAX_VIRTUAL_BYTES {
        return Err(VolumeError::Invalid("a volume has at most 16 TiB: choose less".to_owned()));
    }
    let _turn = shelf.turn(volume)?;
    let _lock = shelf.lock()?;
    let mut record = shelf.require(volume)?;
    let size = Bytes(size.0.next_multiple_of(512));
    if size <= record.size {
        return Ok(());
    }
    let path = shelf.path(&record.file);
    let format = shelf.file(&record.file)?.format;
    if measure(&path, format).map_err(failed(doing))? >= size {
        // The hypervisor has made the file larger for the guest that has it open.
        record.size = size;
        return shelf.keep(&record);
    }
    shelf.require_idle(&record, "extend it")?;
    match format {
        ImageFormat::Qcow2 => grow(&path, size),
        ImageFormat::Raw => OpenOptions::new().write(true).open(&path).and_then(|file| {
            if file.metadata()?.len() < size.0 {
                file.set_len(size.0)?;
            }
            file.sync_all()
        }),
    }
    .map_err(failed(doing))?;
    record.size = size;
    shelf.keep(&record)
}

/// Size of the disk in a volume's file, which a guest may have open.
fn measure(path: &Path, format: ImageFormat) -> io::Result<Bytes> {
    let file = File::open(path)?;
    match format {
        ImageFormat::Raw => file.metadata().map(|found| Bytes(found.len())),
        ImageFormat::Qcow2 => {
            let mut head = Vec::new();
            file.take(512).read_to_end(&mut head)?;
            Header::parse(&head)
                .map(|header| Bytes(header.virtual_bytes))
                .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is no qcow2 file"))
        }
    }
}

pub(super) fn snapshot(
    shelf: &Shelf,
    volume: VolumeId,
    snapshot: SnapshotId,
) -> Result<Option<BlockSource>, VolumeError> {
    let _turn = shelf.turn(volume)?;
    let _lock = shelf.lock()?;
    let mut record = shelf.require(volume)?;
    if record.snapshots.iter().all(|one| one.snapshot != snapshot) {
        let file = freeze(shelf, &mut record, "make the snapshot")?;
        record.snapshots.push(SnapshotRecord { snapshot, file, size: record.size });
        shelf.keep(&record)?;
    }
    shelf.source(&record.file).map(Some)
}

/// Readies a file for a copy that a guest's hypervisor makes. What an earlier try has left goes.
pub(super) fn begin_copy(
    shelf: &Shelf,
    volume: VolumeId,
    snapshot: SnapshotId,
) -> Result<Option<BlockSource>, VolumeError> {
    let _lock = shelf.lock()?;
    let mut record = shelf.require(volume)?;
    if record.snapshots.iter().any(|one| one.snapshot == snapshot) {
        return Ok(None);
    }
    let file = next_file(&mut record);
    record.copying.retain(|one| one.snapshot != snapshot);
    record.copying.push(SnapshotRecord { snapshot, file: file.clone(), size: record.size });
    shelf.keep(&record)?;
    shelf.sweep().map_err(failed("remove what an earlier copy has left"))?;
    shelf.lay_for_copy(&file, record.size)?;
    shelf.source(&file).map(Some)
}

/// The copy is whole: it is the snapshot.
pub(super) fn keep_copy(
    shelf: &Shelf,
    volume: VolumeId,
    snapshot: SnapshotId,
) -> Result<(), VolumeError> {
    let _lock = shelf.lock()?;
    let mut record = shelf.require(volume)?;
    let Some(at) = record.copying.iter().position(|one| one.snapshot == snapshot) else {
        let is_there = record.snapshots.iter().any(|one| one.snapshot == snapshot);
        return if is_there { Ok(()) } else { Err(no_snapshot(snapshot)) };
    };
    let copied = record.copying.remove(at);
    File::open(shelf.path(&copied.file))
        .and_then(|file| file.sync_all())
        .map_err(failed("keep the copy"))?;
    record.snapshots.push(copied);
    shelf.keep(&record)
}

pub(super) fn remove_snapshot(
    shelf: &Shelf,
    volume: VolumeId,
    snapshot: SnapshotId,
) -> Result<(), VolumeError> {
    let _turn = shelf.turn(volume)?;
    let _lock = shelf.lock()?;
    if let Some(mut record) = shelf.volume(volume)?
        && record.snapshots.iter().chain(&record.copying).any(|one| one.snapshot == snapshot)
    {
        record.snapshots.retain(|one| one.snapshot != snapshot);
        record.copying.retain(|one| one.snapshot != snapshot);
        shelf.keep(&record)?;
    }
    shelf.sweep().map_err(failed("remove the snapshot"))
}

pub(super) fn revert(
    shelf: &Shelf,
    volume: VolumeId,
    snapshot: SnapshotId,
) -> Result<Option<BlockSource>, VolumeError> {
    let _turn = shelf.turn(volume)?;
    let _lock = shelf.lock()?;
    let mut record = shelf.require(volume)?;
    let found = record.snapshots.iter().find(|one| one.snapshot == snapshot);
    let file = found.ok_or_else(|| no_snapshot(snapshot))?.file.clone();
    shelf.require_idle(&record, "revert it")?;
    let next = next_file(&mut record);
    shelf.lay(&next, &file, record.size)?;
    record.file = next;
    shelf.keep(&record)?;
    shelf.sweep().map_err(failed("revert the volume"))?;
    shelf.source(&record.file).map(Some)
}

pub(super) fn list(shelf: &Shelf) -> Result<Vec<Held>, VolumeError> {
    let _lock = shelf.lock()?;
    let mut held = Vec::new();
    for record in shelf.volumes().map_err(failed("list the volumes"))? {
        held.push(Held::Volume(record.volume));
        held.extend(record.snapshots.iter().map(|one| Held::Snapshot(record.volume, one.snapshot)));
    }
    Ok(held)
}
