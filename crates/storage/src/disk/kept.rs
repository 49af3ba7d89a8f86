//! A base that is there in the image's own format while the plan asks for its raw form: the setting was switched on in between.
//!
//! Disks that lie on the base name its format, so it stays as it is for as long as one of them needs it, and a further disk is
//! laid on it as well. Once nobody needs it, it makes room for the raw form. All of this blocks; the caller holds the image's lock.

use super::base::Bases;
use super::error::disk_error;
use crate::durable::{remove, sync_folder};
use crate::pool::BaseRecord;
use crate::qcow2::read_overlay;
use hatchery_model::compute::RootDisk;
use hatchery_model::image::ImageFormat;
use hatchery_model::provision::PlanStep;
use hatchery_ports::disk_backend::DiskError;
use std::fs;
use std::io;
use std::path::Path;

/// The disk as it has to be made on the base that other disks need; `None` when it can be made as planned.
pub(super) fn as_disks_need_it(
    bases: &Bases,
    root: &RootDisk,
) -> Result<Option<RootDisk>, DiskError> {
    if root.raw.is_none() {
        return Ok(None);
    }
    let record = BaseRecord::read(&bases.instances.record(root.image))
        .map_err(|error| disk_error("read the base's record", error))?;
    let Some(record) = record.filter(|record| record.sha512 == root.image_sha512) else {
        return Ok(None);
    };
    let failed = |error| disk_error("see which disks need the base", error);
    if is_needed(bases, root).map_err(failed)? {
        tracing::info!(
            image.id = %root.image,
            format = %record.format,
            "the base stays in the image's own format, since disks of this host name it"
        );
        return Ok(Some(on_own_format(root, record.format)));
    }
    let_go(bases, root).map_err(|error| disk_error("make room for the raw base", error))?;
    Ok(None)
}

fn on_own_format(root: &RootDisk, format: ImageFormat) -> RootDisk {
    let mut root = RootDisk { raw: None, ..root.clone() };
    for step in &mut root.plan.steps {
        match step {
            PlanStep::CreateOverlay { base_format, .. } => *base_format = format,
            PlanStep::LinkBase
            | PlanStep::ReflinkBase
            | PlanStep::UseBase
            | PlanStep::CopyBase
            | PlanStep::CloneImage(_)
            | PlanStep::CloneVolume(_)
            | PlanStep::CopyImage => {}
        }
    }
    root
}

/// Whether any disk of the host lies on the base. One whose header cannot be understood counts as one that does.
fn is_needed(bases: &Bases, root: &RootDisk) -> io::Result<bool> {
    let base = bases.instances.base(root.image);
    for entry in fs::read_dir(bases.instances.root())? {
        let entry = entry?;
        if entry.file_name().as_encoded_bytes().starts_with(b"_") || !entry.file_type()?.is_dir() {
            continue;
        }
        for file in fs::read_dir(entry.path())? {
            let file = file?;
            if file.file_name().as_encoded_bytes().starts_with(b"disk")
                && lies_on(&file.path(), &base)?
            {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

fn lies_on(disk: &Path, base: &Path) -> io::Result<bool> {
    match read_overlay(disk) {
        Ok(overlay) => Ok(overlay.is_some_and(|overlay| overlay.backing == base)),
        // A config drive is no overlay, and needs no base.
        Err(error) if error.kind() == io::ErrorKind::InvalidData => {
            Ok(disk.file_name().is_some_and(|name| name == "disk"))
        }
        Err(error) => Err(error),
    }
}

/// Takes the base's names away. The record goes last: by it a next try finds what is left.
fn let_go(bases: &Bases, root: &RootDisk) -> io::Result<()> {
    remove(&bases.instances.base(root.image))?;
    sync_folder(&bases.instances.bases())?;
    remove(&bases.instances.record(root.image))?;
    sync_folder(&bases.instances.bases())
}
