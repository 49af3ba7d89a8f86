//! One root disk: the plan's steps, executed as they stand; and what is found of it later. All of this blocks.

use super::base::Bases;
use super::error::disk_error;
use super::kept;
use super::made::Made;
use crate::durable::{look, make_folder, remove, sync_folder};
use crate::pool::BaseRecord;
use crate::qcow2::{Overlay, read_overlay, temporary_name, write_growable, write_overlay};
use crate::volume::read_disk;
use hatchery_model::compute::RootDisk;
use hatchery_model::disk::BlockSource;
use hatchery_model::id::DiskId;
use hatchery_model::image::ImageFormat;
use hatchery_model::provision::PlanStep;
use hatchery_model::units::Bytes;
use hatchery_ports::disk_backend::{CreatedDisk, DiskError};
use hatchery_ports::volume_backend::VolumeBytes;
use std::io;
use std::path::{Path, PathBuf};
use tokio::sync::OwnedMutexGuard;

/// Executes the plan. `base_lock` is held until the base is there: overlays of one base are made side by side.
pub(super) fn create(
    bases: &Bases,
    root: &RootDisk,
    base_lock: OwnedMutexGuard<()>,
) -> Result<CreatedDisk, DiskError> {
    let path = path_of(bases, &root.disk)?;
    let kept = kept::as_disks_need_it(bases, root)?;
    let root = kept.as_ref().unwrap_or(root);
    let Some((base_format, size)) = root.plan.overlay() else { return Err(no_overlay()) };
    let mut made = Made { rung: root.plan.rung, bytes_copied: Bytes(0) };
    let mut base_lock = Some(base_lock);
    for step in &root.plan.steps {
        match step {
            PlanStep::LinkBase => bases.link(root, base_format)?,
            PlanStep::ReflinkBase => bases.reflink(root, base_format)?,
            PlanStep::UseBase => bases.require(root, base_format)?,
            PlanStep::CopyBase => made.bytes_copied.0 += bases.copy(root, base_format)?,
            PlanStep::CloneImage(_) | PlanStep::CloneVolume(_) | PlanStep::CopyImage => {
                return Err(no_overlay());
            }
            PlanStep::CreateOverlay { .. } => {
                let overlay = Overlay {
                    backing: bases.instances.base(root.image),
                    backing_format: base_format,
                    size: Bytes(size.0.next_multiple_of(512)),
                    note: made.to_note(),
                };
                drop(base_lock.take());
                made = lay(bases, &path, overlay, made)?;
            }
        }
    }
    Ok(CreatedDisk {
        source: source(path, bases.instances.base(root.image), base_format),
        rung: made.rung,
        bytes_copied: made.bytes_copied,
    })
}

fn no_overlay() -> DiskError {
    DiskError::Unsupported(
        "the plan lays no overlay on its base, and disks of files are overlays here".to_owned(),
    )
}

/// Writes the overlay, or finds that it is there. A file that is another disk is never replaced.
fn lay(bases: &Bases, path: &Path, overlay: Overlay, made: Made) -> Result<Made, DiskError> {
    let failed = |error| disk_error("write the overlay", error);
    match read_overlay(path) {
        Ok(None) => {}
        Ok(Some(there))
            if (&there.backing, there.backing_format, there.size)
                == (&overlay.backing, overlay.backing_format, overlay.size) =>
        {
            return Ok(Made::from_note(&there.note).unwrap_or(made));
        }
        Ok(Some(_)) => {
            return Err(DiskError::Conflict(format!(
                "{} is there already, with another base or size: remove the disk first",
                path.display()
            )));
        }
        Err(error) => return Err(unreadable(path, error)),
    }
    let folder = path.parent().unwrap_or(Path::new("/"));
    if look(folder).map_err(failed)?.is_none() {
        make_folder(folder, 0o711).map_err(failed)?;
        sync_folder(bases.instances.root()).map_err(failed)?;
    }
    write_overlay(path, &overlay, bases.owner).map_err(failed)?;
    Ok(made)
}

/// What is there of a disk. Its header was written by us, and has been within a guest's reach since: what it
/// says is believed only where our own record says the same.
pub(super) fn find(bases: &Bases, disk: &DiskId) -> Result<Option<BlockSource>, DiskError> {
    let path = path_of(bases, disk)?;
    let overlay = match read_overlay(&path) {
        Ok(None) => return Ok(None),
        Ok(Some(overlay)) => overlay,
        Err(error) => return Err(unreadable(&path, error)),
    };
    let suspect = |what: &str| {
        DiskError::Conflict(format!("the header of {} {what}: it is not opened", path.display()))
    };
    let Some(record) = bases.instances.record_of_base(&overlay.backing) else {
        return Err(suspect("names a base that is not one of this host's"));
    };
    let record = BaseRecord::read(&record)
        .map_err(|error| disk_error("read the base's record", error))?
        .ok_or_else(|| suspect("names a base without a record"))?;
    if record.format != overlay.backing_format {
        return Err(suspect("names another format than its base has"));
    }
    bases.restore(&record)?;
    Ok(Some(source(path, overlay.backing, record.format)))
}

/// Removes the disk and what a create that was cut off has left of it. The folder itself is the guest's.
pub(super) fn delete(bases: &Bases, disk: &DiskId) -> Result<(), DiskError> {
    let path = path_of(bases, disk)?;
    let failed = |error| disk_error("remove the disk", error);
    let folder = path.parent().unwrap_or(Path::new("/"));
    if look(folder).map_err(failed)?.is_none() {
        return Ok(());
    }
    remove(&temporary_name(&path)).map_err(failed)?;
    remove(&path).map_err(failed)?;
    // Also when there was nothing: an earlier call may have been cut off in between.
    sync_folder(folder).map_err(failed)
}

/// What a copy of the disk is called. Its guest's folder goes with all that is in it.
fn copy_of(path: &Path) -> PathBuf {
    path.with_file_name("snapshot")
}

/// Readies a file for the copy that the hypervisor of a guest that runs makes; the disk of another is read itself.
pub(super) fn begin_copy(
    bases: &Bases,
    disk: &DiskId,
    runs: bool,
) -> Result<Option<BlockSource>, DiskError> {
    drop_copy(bases, disk)?;
    let path = path_of(bases, disk)?;
    let overlay = read_overlay(&path).map_err(|error| unreadable(&path, error))?;
    let overlay = overlay.ok_or_else(|| no_disk(disk))?;
    if !runs {
        return Ok(None);
    }
    let copy = copy_of(&path);
    write_growable(&copy, overlay.size, None, bases.owner)
        .map_err(|error| disk_error("make a file for the copy", error))?;
    Ok(Some(alone(copy)))
}

/// Opens the copy if there is one, else the disk.
pub(super) fn open_copy(bases: &Bases, disk: &DiskId) -> Result<Box<dyn VolumeBytes>, DiskError> {
    let failed = |error| disk_error("open the disk", error);
    let copy = copy_of(&path_of(bases, disk)?);
    let source = match look(&copy).map_err(failed)? {
        Some(_) => alone(copy),
        None => find(bases, disk)?.ok_or_else(|| no_disk(disk))?,
    };
    read_disk(&source).map_err(failed)
}

/// Removes the copy.
pub(super) fn drop_copy(bases: &Bases, disk: &DiskId) -> Result<(), DiskError> {
    let failed = |error| disk_error("remove the copy of the disk", error);
    let copy = copy_of(&path_of(bases, disk)?);
    remove(&temporary_name(&copy)).map_err(failed)?;
    remove(&copy).map(drop).map_err(failed)
}

fn no_disk(disk: &DiskId) -> DiskError {
    DiskError::NotFound(format!("disk {disk} is not here: was its server deleted?"))
}

fn alone(path: PathBuf) -> BlockSource {
    BlockSource::File { path, format: ImageFormat::Qcow2, read_only: false, backing: None }
}

fn path_of(bases: &Bases, disk: &DiskId) -> Result<PathBuf, DiskError> {
    bases
        .instances
        .folder(disk)
        .map(|folder| folder.join("disk"))
        .ok_or_else(|| {
            DiskError::Unsupported(format!(
                "{disk:?} cannot be a folder's name: letters, digits, '-', '_' and inner dots are allowed"
            ))
        })
}

fn unreadable(path: &Path, error: io::Error) -> DiskError {
    match error.kind() {
        io::ErrorKind::InvalidData => DiskError::Conflict(format!(
            "{} is there already and is not a disk of ours, since {error}: remove the disk first",
            path.display()
        )),
        _ => disk_error("read the overlay", error),
    }
}

fn source(path: PathBuf, base: PathBuf, base_format: ImageFormat) -> BlockSource {
    BlockSource::File {
        path,
        format: ImageFormat::Qcow2,
        read_only: false,
        backing: Some(Box::new(BlockSource::File {
            path: base,
            format: base_format,
            read_only: true,
            backing: None,
        })),
    }
}
