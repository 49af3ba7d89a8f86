//! Files of the folder that are taken for volumes, and volumes that are forgotten while their file stays. A file's name says its format, `.qcow2`
//! at its end or anything else for raw, and its bytes have to agree. All of this blocks, and every change holds the folder's lock.

use super::bytes::flatten;
use super::error::failed;
use super::in_use::is_in_use;
use super::record::{FileRecord, VolumeRecord};
use super::shelf::Shelf;
use crate::disk::give;
use crate::durable::{look, sync_folder};
use crate::inspect::{BEGINNING, judge_beginning, judge_file};
use crate::qcow2::MAX_VIRTUAL_BYTES;
use hatchery_model::disk::BlockSource;
use hatchery_model::id::VolumeId;
use hatchery_model::image::{DiskFormat, ImageFormat};
use hatchery_model::units::Bytes;
use hatchery_model::volume::Manageable;
use hatchery_ports::volume_backend::VolumeError;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};

const DOING: &str = "take a file for a volume";
/// At the end of the name of a file in qcow2.
const QCOW2: &str = ".qcow2";

fn invalid(text: String) -> VolumeError {
    VolumeError::Invalid(text)
}

/// Takes a file for a volume.
///
/// The records are written first: a file that a record leads to is swept away by nobody. Cut off before the file has the volume's name, this goes on
/// from there.
pub(super) fn manage(
    shelf: &Shelf,
    volume: VolumeId,
    name: &str,
) -> Result<(BlockSource, Bytes), VolumeError> {
    let _lock = shelf.lock()?;
    let file = format!("volume-{volume}");
    let is_there = look(&shelf.path(&file)).map_err(failed(DOING))?.is_some();
    if let Some(there) = shelf.volume(volume)?
        // Else it was cut off before the file had the name.
        && (is_there || there.file != file)
    {
        return Ok((shelf.source(&there.file)?, there.size));
    }
    if is_there {
        return Err(VolumeError::Conflict(format!(
            "the backend's folder has a file {file} already: give it another name"
        )));
    }
    let taken = judge(shelf, name).and_then(|judged| take(shelf, (volume, &file), name, judged));
    if taken.is_err() && look(&shelf.path(&file)).map_err(failed(DOING))?.is_none() {
        // Nothing has the volume's name.
        shelf.forget(volume).map_err(failed(DOING))?;
        shelf.let_go(&file).map_err(failed(DOING))?;
    }
    taken
}

fn take(
    shelf: &Shelf,
    (volume, file): (VolumeId, &str),
    name: &str,
    (format, size): (ImageFormat, Bytes),
) -> Result<(BlockSource, Bytes), VolumeError> {
    let record = FileRecord { format, backing: None, image: None };
    shelf.keep_file(file, &record).map_err(failed(DOING))?;
    let record = VolumeRecord {
        volume,
        size,
        file: file.to_owned(),
        next: 1,
        snapshots: Vec::new(),
        copying: Vec::new(),
        rung: None,
        bytes_copied: Bytes(0),
    };
    shelf.keep(&record)?;
    let old = shelf.path(name);
    // Judged and given as it is named: no link is followed to somewhere else.
    File::open(&old)
        .and_then(|opened| give(&opened, shelf.owner))
        .and_then(|()| fs::rename(&old, shelf.path(file)))
        .and_then(|()| sync_folder(&shelf.folder))
        .map_err(failed(DOING))?;
    Ok((shelf.source(file)?, size))
}

/// The format and the size of the disk in a file that may be taken.
fn judge(shelf: &Shelf, name: &str) -> Result<(ImageFormat, Bytes), VolumeError> {
    let is_plain = !name.is_empty() && !name.starts_with('.') && !name.contains(['/', '\0']);
    if !is_plain {
        return Err(invalid(format!(
            "'{name}' is no name of a file in the backend's folder: it must have no slash and no dot at its beginning"
        )));
    }
    if shelf.knows(name)? {
        return Err(VolumeError::Conflict(format!("{name} belongs to a volume already")));
    }
    let path = shelf.path(name);
    let found = look(&path).map_err(failed(DOING))?.ok_or_else(|| {
        VolumeError::NotFound(format!("the backend's folder has no file {name}: put it there"))
    })?;
    if !found.is_file() || found.nlink() != 1 {
        return Err(invalid(format!(
            "{name} is not a file of its own, but a folder, a link or a device: copy it to a file"
        )));
    }
    if is_in_use(&path).map_err(failed(DOING))? {
        return Err(VolumeError::Conflict(format!(
            "a program has {name} open: end it, then take the file"
        )));
    }
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(nix::libc::O_NOFOLLOW)
        .open(&path)
        .map_err(failed(DOING))?;
    let (format, size) = formatted(&file, name, found.len())?;
    if size.0 == 0 || size.0 > MAX_VIRTUAL_BYTES || size.0 % 512 != 0 {
        return Err(invalid(format!(
            "the disk in {name} has {size}, which is not whole sectors of 512 bytes, or none, or more than 16 TiB"
        )));
    }
    Ok((format, size))
}

fn formatted(file: &File, name: &str, length: u64) -> Result<(ImageFormat, Bytes), VolumeError> {
    let refused = |why: &dyn std::fmt::Display| invalid(format!("{name} is not taken: {why}"));
    if name.ends_with(QCOW2) {
        let header = judge_file(file).map_err(failed(DOING))?.map_err(|why| refused(&why))?;
        return Ok((ImageFormat::Qcow2, Bytes(header.virtual_bytes)));
    }
    let mut head = Vec::new();
    file.take(BEGINNING as u64).read_to_end(&mut head).map_err(failed(DOING))?;
    judge_beginning(DiskFormat::Raw, &head, length).map_err(|why| refused(&why))?;
    Ok((ImageFormat::Raw, Bytes(length)))
}

/// Forgets a volume. Its file is `volume-<id>.raw` or `volume-<id>.qcow2` afterwards, and lies on nothing.
///
/// The file gets its new name first, then its record goes, and the volume's last: cut off in between, this goes on from there.
pub(super) fn unmanage(shelf: &Shelf, volume: VolumeId) -> Result<(), VolumeError> {
    let doing = "forget the volume";
    let lies_on_others = {
        let _lock = shelf.lock()?;
        let Some(record) = shelf.volume(volume)? else { return Ok(()) };
        if !record.snapshots.is_empty() {
            return Err(VolumeError::Conflict(format!(
                "volume {volume} has {} snapshots: delete them first",
                record.snapshots.len()
            )));
        }
        shelf.require_idle(&record, "let it go")?;
        shelf.knows(&record.file)? && shelf.file(&record.file)?.backing.is_some()
    };
    if lies_on_others {
        flatten(shelf, volume)?;
    }
    let _lock = shelf.lock()?;
    let Some(record) = shelf.volume(volume)? else { return Ok(()) };
    if shelf.knows(&record.file)? {
        let extension = match shelf.file(&record.file)?.format {
            ImageFormat::Raw => "raw",
            ImageFormat::Qcow2 => "qcow2",
        };
        let (old, new) =
            (shelf.path(&record.file), shelf.path(&format!("volume-{volume}.{extension}")));
        match fs::rename(&old, &new) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            done => done,
        }
        .and_then(|()| sync_folder(&shelf.folder))
        .and_then(|()| shelf.let_go(&record.file))
        .map_err(failed(doing))?;
    }
    shelf.forget(volume).map_err(failed(doing))?;
    shelf.sweep().map_err(failed(doing))
}

/// The volumes, and the files that nobody has a record of.
pub(super) fn manageable(shelf: &Shelf) -> Result<Vec<Manageable>, VolumeError> {
    let _lock = shelf.lock()?;
    let mut all = Vec::new();
    for record in shelf.volumes().map_err(failed("list the volumes"))? {
        all.push(Manageable {
            name: record.file,
            size: record.size,
            volume: Some(record.volume),
            refused_by: Some("already managed".to_owned()),
        });
    }
    let entries = fs::read_dir(&shelf.folder).map_err(failed("list the folder"))?;
    for entry in entries {
        let entry = entry.map_err(failed("list the folder"))?;
        // Folders are no candidates, and nobody asks why.
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            continue;
        }
        let name = entry.file_name();
        let Some(name) = name.to_str().filter(|name| !name.starts_with('.')) else { continue };
        if shelf.knows(name)? {
            continue;
        }
        let (size, refused_by) = match judge(shelf, name) {
            Ok((_, size)) => (size, None),
            Err(error) => (Bytes(0), Some(error.to_string())),
        };
        all.push(Manageable { name: name.to_owned(), size, volume: None, refused_by });
    }
    all.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(all)
}
