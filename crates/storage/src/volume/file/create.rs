//! A new volume: the plan's steps, executed as they stand.

use super::error::failed;
use super::record::{FileRecord, VolumeRecord};
use super::shelf::Shelf;
use crate::convert::to_raw;
use crate::disk::{copy, create as create_file, digest, give};
use crate::durable::look;
use crate::ffi::reflink;
use crate::pool::{Op, free_bytes, link};
use crate::qcow2::{Header, MAX_VIRTUAL_BYTES};
use hatchery_model::id::ImageId;
use hatchery_model::image::{ImageFormat, RawForm};
use hatchery_model::provision::{Plan, PlanStep};
use hatchery_model::units::Bytes;
use hatchery_model::volume::{NewVolume, VolumeContent};
use hatchery_ports::volume_backend::{CreatedVolume, VolumeError};
use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Makes the volume, or finds that it is there.
pub(super) fn create(shelf: &Shelf, new: &NewVolume) -> Result<CreatedVolume, VolumeError> {
    if new.size.0 == 0 || new.size.0 > MAX_VIRTUAL_BYTES {
        return Err(VolumeError::Invalid(
            "a volume's size must be above 0 and at most 16 TiB: choose another one".to_owned(),
        ));
    }
    let _turn = shelf.turn(new.volume)?;
    let mut lock = Some(shelf.lock()?);
    if let Some(there) = shelf.volume(new.volume)? {
        return answer(shelf, &there);
    }
    let file = format!("volume-{}", new.volume);
    let mut record = VolumeRecord {
        volume: new.volume,
        size: Bytes(new.size.0.next_multiple_of(512)),
        file: file.clone(),
        next: 1,
        snapshots: Vec::new(),
        copying: Vec::new(),
        rung: None,
        bytes_copied: Bytes(0),
    };
    let made = match &new.content {
        VolumeContent::Empty => shelf.lay_empty(&file, record.size),
        VolumeContent::Image { image, image_sha512, raw, plan } => {
            record.rung = Some(plan.rung);
            let wanted = Wanted { image: *image, sha512: image_sha512, raw: raw.as_ref(), plan };
            from_image(shelf, &mut record, &wanted, &mut lock)
        }
        VolumeContent::Snapshot(volume, snapshot) => {
            let source = shelf.require(*volume)?;
            let found = source.snapshots.iter().find(|one| one.snapshot == *snapshot);
            let found = found.ok_or_else(|| super::verbs::no_snapshot(*snapshot))?;
            fits(record.size, found.size)?;
            shelf.lay(&file, &found.file, record.size)
        }
        VolumeContent::Volume(volume) => of_volume(shelf, &record, *volume),
    };
    let kept = made.and_then(|()| shelf.keep(&record));
    if let Err(error) = kept {
        if let Err(left) = shelf.sweep() {
            tracing::warn!(volume.id = %new.volume, %left, "what a failed create has made is left for the next change");
        }
        return Err(error);
    }
    answer(shelf, &record)
}

fn answer(shelf: &Shelf, record: &VolumeRecord) -> Result<CreatedVolume, VolumeError> {
    let source = shelf.source(&record.file)?;
    Ok(CreatedVolume { source, rung: record.rung, bytes_copied: record.bytes_copied })
}

fn fits(size: Bytes, least: Bytes) -> Result<(), VolumeError> {
    if size < least {
        return Err(VolumeError::Invalid(format!(
            "the new volume has {size}, and what it is made of {least}: choose at least that"
        )));
    }
    Ok(())
}

/// The source's file is frozen, and both go on in new ones. A source that was not written to since it was last frozen stays as it is: any number
/// of copies lie on the same file.
fn of_volume(
    shelf: &Shelf,
    record: &VolumeRecord,
    of: hatchery_model::id::VolumeId,
) -> Result<(), VolumeError> {
    let mut source = shelf.require(of)?;
    fits(record.size, source.size)?;
    let frozen = match super::verbs::frozen(shelf, &source)? {
        Some(file) => file,
        None => {
            let file = super::verbs::freeze(shelf, &mut source, "make the copy")?;
            shelf.keep(&source)?;
            file
        }
    };
    shelf.lay(&record.file, &frozen, record.size)
}

struct Wanted<'a> {
    image: ImageId,
    sha512: &'a str,
    raw: Option<&'a RawForm>,
    plan: &'a Plan,
}

impl Wanted<'_> {
    fn base_sha512(&self) -> &str {
        self.raw.map_or(self.sha512, |raw| &raw.sha512)
    }

    fn bytes(&self, shelf: &Shelf) -> PathBuf {
        match self.raw {
            Some(_) => shelf.pool.raw_form(self.image),
            None => shelf.pool.image(self.image),
        }
    }

    /// Names the image and its bytes: a base of other bytes has another name.
    fn base(&self) -> String {
        let digest: String =
            self.base_sha512().chars().filter(char::is_ascii_hexdigit).take(16).collect();
        format!("base-{}-{digest}", self.image)
    }
}

fn from_image(
    shelf: &Shelf,
    record: &mut VolumeRecord,
    wanted: &Wanted<'_>,
    lock: &mut Option<File>,
) -> Result<(), VolumeError> {
    let format = wanted.plan.overlay().map(|(format, _)| format);
    for step in &wanted.plan.steps {
        match step {
            PlanStep::LinkBase => {
                base(shelf, wanted, format, |from, to| link(from, to).map(|_| ()))?
            }
            PlanStep::ReflinkBase => base(shelf, wanted, format, |from, to| {
                let (from, to) = (File::open(from)?, create_file(to)?);
                reflink(&from, &to)?;
                give(&to, shelf.owner)?;
                to.sync_all()
            })?,
            PlanStep::CloneVolume(volume) => of_volume(shelf, record, *volume)?,
            PlanStep::CopyImage => copy_image(shelf, record, wanted, lock)?,
            PlanStep::CreateOverlay { .. } => {
                shelf.lay(&record.file, &wanted.base(), record.size)?;
            }
            PlanStep::UseBase | PlanStep::CopyBase | PlanStep::CloneImage(_) => {
                return Err(VolumeError::Unsupported(
                    "the plan has a step that volumes of files do not have".to_owned(),
                ));
            }
        }
    }
    Ok(())
}

/// Has a base of the image in the folder. Its record says its format before it has its name.
fn base(
    shelf: &Shelf,
    wanted: &Wanted<'_>,
    format: Option<ImageFormat>,
    fill: impl FnOnce(&Path, &Path) -> io::Result<()>,
) -> Result<(), VolumeError> {
    let doing = "have a base of the image";
    let Some(format) = format else {
        return Err(VolumeError::Unsupported("the plan lays nothing on its base".to_owned()));
    };
    let name = wanted.base();
    let path = shelf.path(&name);
    if look(&path).map_err(failed(doing))?.is_some() {
        let there = shelf.file(&name)?;
        if there.format != format {
            return Err(other_format(wanted.image, format));
        }
        return Ok(());
    }
    let bytes = wanted.bytes(shelf);
    let size = measure(&bytes, format, wanted.image)?;
    let laid = wanted.plan.overlay().map_or(size, |(_, size)| size);
    fits(laid, size)?;
    let record = FileRecord { format, backing: None, image: Some(wanted.image) };
    shelf.keep_file(&name, &record).map_err(failed(doing))?;
    shelf.put(&name, |incoming| fill(&bytes, incoming)).map_err(failed(doing))
}

fn other_format(image: ImageId, format: ImageFormat) -> VolumeError {
    VolumeError::Conflict(format!(
        "image {image} was planned as {format}, and is not that: try again"
    ))
}

/// Size of the disk in the image.
fn measure(file: &Path, format: ImageFormat, image: ImageId) -> Result<Bytes, VolumeError> {
    let measured = File::open(file).and_then(|file| {
        let length = file.metadata()?.len();
        let mut head = Vec::new();
        file.take(512).read_to_end(&mut head)?;
        Ok((length, Header::parse(&head)))
    });
    match (measured, format) {
        (Err(error), _) if error.kind() == io::ErrorKind::NotFound => Err(no_image(image)),
        (Err(error), _) => Err(failed("read the image")(error)),
        (Ok((length, _)), ImageFormat::Raw) => Ok(Bytes(length)),
        (Ok((_, Ok(header))), ImageFormat::Qcow2) => Ok(Bytes(header.virtual_bytes)),
        (Ok((_, Err(_))), ImageFormat::Qcow2) => Err(other_format(image, format)),
    }
}

fn no_image(image: ImageId) -> VolumeError {
    VolumeError::NotFound(format!("image {image} has no bytes in the pool: was it deleted?"))
}

/// The image's disk becomes a raw file of the volume's own. Others go on meanwhile: nobody knows of the file before it is whole.
fn copy_image(
    shelf: &Shelf,
    record: &mut VolumeRecord,
    wanted: &Wanted<'_>,
    lock: &mut Option<File>,
) -> Result<(), VolumeError> {
    let doing = "copy the image into the volume";
    let bytes = wanted.bytes(shelf);
    if look(&bytes).map_err(failed(doing))?.is_none() {
        return Err(no_image(wanted.image));
    }
    let head = File::open(&bytes).and_then(|file| {
        let mut head = Vec::new();
        file.take(512).read_to_end(&mut head)?;
        Ok(head)
    });
    let is_qcow2 = wanted.raw.is_none() && Header::parse(&head.map_err(failed(doing))?).is_ok();
    let format = if is_qcow2 { ImageFormat::Qcow2 } else { ImageFormat::Raw };
    fits(record.size, measure(&bytes, format, wanted.image)?)?;
    if !is_qcow2 {
        // What is converted asks by itself.
        has_room(shelf, &bytes).map_err(failed(doing))?;
    }
    *lock = None;
    let incoming = shelf.incoming(&record.file);
    crate::durable::remove(&incoming).map_err(failed(doing))?;
    let copied = shelf.steps.before(Op::Write(&incoming));
    let copied = copied.and_then(|()| fill(shelf, wanted, &bytes, &incoming, is_qcow2));
    let finished = copied.and_then(|copied| {
        shelf.steps.before(Op::Sync(&incoming))?;
        let file = OpenOptions::new().write(true).open(&incoming)?;
        file.set_len(record.size.0)?;
        file.sync_all()?;
        Ok(copied)
    });
    let named = finished.map_err(failed(doing)).and_then(|copied| {
        *lock = Some(shelf.lock()?);
        if let Some(there) = shelf.volume(record.volume)? {
            // Somebody else has made it meanwhile.
            crate::durable::remove(&incoming).map_err(failed(doing))?;
            *record = there;
            return Ok(());
        }
        record.bytes_copied.0 += copied;
        let raw = FileRecord { format: ImageFormat::Raw, backing: None, image: None };
        shelf.keep_file(&record.file, &raw).map_err(failed(doing))?;
        shelf.rename(&incoming, &record.file).map_err(failed(doing))
    });
    if named.is_err() {
        if lock.is_none() {
            *lock = Some(shelf.lock()?);
        }
        crate::durable::remove(&incoming).map_err(failed(doing))?;
    }
    named
}

/// Whether what the image's file takes is free, before a byte is copied.
fn has_room(shelf: &Shelf, image: &Path) -> io::Result<()> {
    let needed = Bytes(std::fs::metadata(image)?.blocks().saturating_mul(512));
    let free = free_bytes(&shelf.folder)?;
    if needed > free {
        let text = format!(
            "the image takes {needed}, and {free} are free in the backend: delete volumes or snapshots that nobody needs, or choose another type"
        );
        return Err(io::Error::new(io::ErrorKind::StorageFull, text));
    }
    Ok(())
}

/// Copies the image's disk, and proves that the bytes are those that were taken in. Gives the bytes that were written.
fn fill(
    shelf: &Shelf,
    wanted: &Wanted<'_>,
    bytes: &Path,
    incoming: &Path,
    is_qcow2: bool,
) -> io::Result<u64> {
    let check = |found: &str, known: &str| {
        if found == known {
            return Ok(());
        }
        let text = "the bytes in the pool are not those that were taken in: their SHA-512 differs";
        Err(io::Error::new(io::ErrorKind::InvalidData, text))
    };
    if is_qcow2 {
        check(&digest(bytes)?, wanted.sha512)?;
        let cap = Bytes(MAX_VIRTUAL_BYTES);
        return Ok(to_raw(bytes, ImageFormat::Qcow2, incoming, shelf.owner, cap)?.written.0);
    }
    let made = copy(bytes, incoming, shelf.owner)?;
    check(&made.sha512, wanted.base_sha512())?;
    Ok(made.written)
}
