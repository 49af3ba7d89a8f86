//! What is done with images that have arrived. All of this blocks.

use super::store::{Work, store_error};
use super::{Named, RBD_SNAPSHOT, rbd_name, read_name};
use crate::inspect::judge_file;
use crate::pool::free_bytes;
use crate::rbd::removal::{in_trash, remove_name, sweep, take_away};
use crate::rbd::{CephError, Clash, NamedImage, OpenImage, RbdPool};
use crate::volume::{Digested, ImageBytes, copy_bytes};
use hatchery_model::id::ImageId;
use hatchery_model::image::RawForm;
use hatchery_model::provision::ImageLocation;
use hatchery_model::units::Bytes;
use hatchery_ports::image_store::{ImageStoreError, StoredBytes};
use nix::errno::Errno;
use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

/// What is read at once.
const PIECE: u64 = 4 << 20;

/// Where clones are made of the image of this name.
pub(super) fn location(work: &Work<'_>, name: String) -> ImageLocation {
    ImageLocation {
        fsid: work.ceph.fsid().to_owned(),
        pool: work.pool.name().to_owned(),
        image: name,
        snapshot: RBD_SNAPSHOT.to_owned(),
    }
}

/// Ends writing: exactly this long, durable, and with the snapshot that says that it is whole.
pub(super) fn seal(image: OpenImage, size: u64) -> Result<(), CephError> {
    image.set_size(size)?;
    image.flush()?;
    image.snapshot(RBD_SNAPSHOT)?;
    image.protect(RBD_SNAPSHOT)?;
    image.close()
}

fn is_sealed(image: &OpenImage) -> Result<bool, CephError> {
    Ok(image.snapshots()?.iter().any(|one| one.name == RBD_SNAPSHOT))
}

/// `Ok` when the image has the bytes, by this call or an earlier one. Says `false` when there are none.
pub(super) fn rename_into_place(work: &Work<'_>, from: &str, to: &str) -> Result<bool, CephError> {
    let (Some(arrived), there) = (work.pool.find(from)?, work.pool.find(to)?) else {
        return Ok(work.pool.find(to)?.is_some());
    };
    if !is_sealed(&arrived)? {
        return Err(CephError::Unavailable {
            doing: "publish an upload that has not been finished".to_owned(),
            source: Errno::EINVAL,
        });
    }
    if let Some(there) = there
        && there.id()? != arrived.id()?
    {
        drop(there);
        delete(work, to)?;
    }
    drop(arrived);
    work.pool.rename_again(from, to)?;
    Ok(true)
}

/// Has nothing of this name; clones keep the bytes that they need.
pub(super) fn delete(work: &Work<'_>, name: &str) -> Result<(), CephError> {
    let pool = &work.pool;
    let Some(image) = pool.find(name)? else {
        return remove_name(pool, name);
    };
    let found = NamedImage { id: image.id()?, name: name.to_owned() };
    let listed = pool.list()?.into_iter().find(|one| one.id == found.id);
    if let Some(listed) = listed
        && listed.name != name
    {
        // A second name of one whose renaming was cut off: only that goes.
        drop(image);
        return pool.rename_again(name, &listed.name);
    }
    drop(image);
    let image = pool.open(name)?;
    unseal(&image)?;
    image.close()?;
    take_away(pool, &found)
}

/// Takes the snapshot away, or hides it where clones need it. One that old clones (of format 1) need stays.
fn unseal(image: &OpenImage) -> Result<(), CephError> {
    match image.unprotect(RBD_SNAPSHOT) {
        Err(error) if error.clashes(Clash::InUse) => return Ok(()),
        Err(error) if !error.is_not_found() => return Err(error),
        _ => {}
    }
    match image.remove_snapshot(RBD_SNAPSHOT) {
        Err(error) if !error.is_not_found() => Err(error),
        _ => Ok(()),
    }
}

/// Clones the twin, which has the very same bytes. `None`: a raw form without its image.
pub(super) fn share(
    work: &Work<'_>,
    what: StoredBytes,
    incoming: &str,
    twin: StoredBytes,
    size: Bytes,
) -> Result<Option<bool>, CephError> {
    let name = |bytes| match bytes {
        StoredBytes::Image(image) => rbd_name(image, false),
        StoredBytes::RawForm(image) => rbd_name(image, true),
    };
    let (to, twin, pool) = (name(what), name(twin), &work.pool);
    let arrived = match pool.find(incoming)? {
        Some(image) if image.size()? != size.0 => return Ok(Some(false)),
        found => found.is_some(),
    };
    let there = pool.find(&to)?.is_some();
    let may_begin = match what {
        StoredBytes::Image(_) => arrived || there,
        StoredBytes::RawForm(image) => {
            if pool.find(&rbd_name(image, false))?.is_none() {
                return Ok(None);
            }
            true
        }
    };
    let Some(found) = pool.find(&twin)? else { return Ok(Some(false)) };
    if !may_begin || !is_sealed(&found)? || found.size()? != size.0 {
        return Ok(Some(false));
    }
    drop(found);
    if there && !arrived {
        // By an earlier call.
        return Ok(Some(true));
    }
    let shared = format!("{incoming}.twin");
    delete(work, &shared)?;
    pool.clone_of((pool, &twin, RBD_SNAPSHOT), &shared, work.settings.object_order)?;
    seal(pool.open(&shared)?, size.0)?;
    rename_into_place(work, &shared, &to)?;
    delete(work, incoming)?;
    Ok(Some(true))
}

/// Images and attempts; what was cut off earlier, or waited for its clones to go, is removed on the way.
pub(super) fn list(work: &Work<'_>) -> Result<(Vec<ImageId>, Vec<String>), CephError> {
    finish_removals(work)?;
    let mut images = BTreeSet::new();
    let mut attempts = Vec::new();
    for image in work.pool.list()? {
        match read_name(&image.name) {
            Named::Image(id) => {
                images.insert(id);
            }
            Named::Attempt(attempt) => attempts.push(attempt),
            Named::Other => {}
        }
    }
    Ok((images.into_iter().collect(), attempts))
}

/// Removes what no clone needs any more; gives the names of what stays.
pub(super) fn finish_removals(work: &Work<'_>) -> Result<Vec<String>, CephError> {
    let waiting = in_trash(&work.pool)?;
    if waiting.is_empty() {
        return Ok(Vec::new());
    }
    for image in waiting {
        unseal_in_trash(&work.pool, &image)?;
    }
    sweep(&work.pool)?;
    Ok(in_trash(&work.pool)?.into_iter().map(|image| image.name).collect())
}

fn unseal_in_trash(pool: &RbdPool, image: &NamedImage) -> Result<(), CephError> {
    let opened = match pool.open_by_id(&image.id) {
        Err(error) if error.is_not_found() => return Ok(()),
        opened => opened?,
    };
    if is_sealed(&opened)? {
        return unseal(&pool.open_by_id_to_write(&image.id)?);
    }
    Ok(())
}

/// Converts. The image is read into a file for that time, as it was judged to be: qcow2 that lies on nothing.
pub(super) fn make_raw(
    work: &Work<'_>,
    image: ImageId,
    incoming: &str,
    cap: Bytes,
) -> Result<RawForm, ImageStoreError> {
    let doing = "convert an image to raw";
    let ceph = |error| store_error(doing, error);
    let failed =
        |source: io::Error| ImageStoreError::Unavailable { doing: doing.to_owned(), source };
    let from = match work.pool.open_to_read(&rbd_name(image, false), Some(RBD_SNAPSHOT)) {
        Err(error) if error.is_not_found() => return Err(ImageStoreError::NotFound(image)),
        opened => opened.map_err(ceph)?,
    };
    let folder = &work.settings.conversion_folder;
    has_room(Bytes(from.size().map_err(ceph)?), folder)?;
    let file = spool(&from, folder).map_err(failed)?;
    drop(from);
    let header = judge_file(&file)
        .map_err(failed)?
        .map_err(|refusal| ImageStoreError::Invalid(refusal.to_string()))?;
    let size = Bytes(header.virtual_bytes);
    if size > cap {
        return Err(ImageStoreError::Exhausted(format!(
            "the disk in the image has {size} ({} bytes), and at most {cap} are taken as raw: make it smaller with \
             `qemu-img resize`, and upload the result",
            size.0
        )));
    }
    let mut bytes = ImageBytes::of_qcow2(file, size.0).map_err(failed)?;
    delete(work, incoming).map_err(ceph)?;
    let written = write_raw(work, &mut bytes, incoming, size.0);
    let sha512 = written.inspect_err(|_| {
        if let Err(error) = delete(work, incoming) {
            tracing::warn!(image.id = %image, %error, "a raw form that was not finished is left for the sweep");
        }
    });
    let location = Some(location(work, rbd_name(image, true)));
    Ok(RawForm { size, sha512: sha512?, location })
}

fn write_raw(
    work: &Work<'_>,
    bytes: &mut ImageBytes,
    name: &str,
    size: u64,
) -> Result<String, ImageStoreError> {
    let doing = "convert an image to raw";
    let ceph = |error| store_error(doing, error);
    work.pool.create(name, size, work.settings.object_order).map_err(ceph)?;
    let to = work.pool.open(name).map_err(ceph)?;
    let mut digest = Digested::new(true);
    let copied = copy_bytes(bytes, &to, &mut digest);
    copied.map_err(|error| ImageStoreError::Unavailable {
        doing: doing.to_owned(),
        source: io::Error::other(error),
    })?;
    seal(to, size).map_err(ceph)?;
    Ok(digest.finish())
}

/// Whether the image fits into the folder, before a byte is copied there.
fn has_room(size: Bytes, folder: &std::path::Path) -> Result<(), ImageStoreError> {
    let free = std::fs::create_dir_all(folder).and_then(|()| free_bytes(folder));
    let free = free.map_err(|source| ImageStoreError::Unavailable {
        doing: "ask how much is free in image_conversion_dir".to_owned(),
        source,
    })?;
    if size > free {
        return Err(ImageStoreError::Exhausted(format!(
            "the image has {size}, and {free} are free in image_conversion_dir, where it is put for the time of its conversion: \
             make room there, or upload a raw image"
        )));
    }
    Ok(())
}

/// The image's bytes in a file without a name.
fn spool(image: &OpenImage, folder: &std::path::Path) -> io::Result<File> {
    let file = nameless(folder)?;
    let size = image.size()?;
    file.set_len(size)?;
    let mut piece = Vec::new();
    let mut at = 0;
    while at < size {
        piece.resize(PIECE.min(size - at) as usize, 0);
        image.read(at, &mut piece)?;
        if piece.iter().any(|byte| *byte != 0) {
            file.write_all_at(&piece, at)?;
        }
        at += piece.len() as u64;
    }
    Ok(file)
}

/// Goes with its last descriptor, so that no crash leaves it.
fn nameless(folder: &std::path::Path) -> io::Result<File> {
    use nix::fcntl::{OFlag, open};
    use nix::sys::stat::Mode;
    let flags = OFlag::O_TMPFILE | OFlag::O_RDWR | OFlag::O_CLOEXEC;
    Ok(File::from(open(folder, flags, Mode::from_bits_truncate(0o600))?))
}
