//! How sealed bytes get the name that everyone knows them by: their own file takes it, or a further name is given to a file that has the
//! very same bytes. All of this blocks.

use super::upload::SEALED_MODE;
use crate::durable::{look, remove, same_file, sync_folder};
use crate::owner::FileOwner;
use crate::pool::link;
use hatchery_model::units::Bytes;
use nix::errno::Errno;
use nix::unistd::geteuid;
use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

/// `Ok` when the image has the bytes, by this call or an earlier one. Says `false` when there are none.
pub(super) fn rename_into_place(from: &Path, to: &Path) -> io::Result<bool> {
    let Some(arrived) = look(from)? else {
        let there = look(to)?.is_some();
        // An earlier call may have been cut off before its names were durable.
        sync_names(from, to)?;
        return Ok(there);
    };
    if let Some(there) = look(to)?
        && there.nlink() > 1
    {
        return Err(io::Error::new(
            io::ErrorKind::AlreadyExists,
            "the image has other bytes already, and bases are made of them",
        ));
    }
    if !arrived.is_file() || arrived.permissions().mode() & 0o7777 != SEALED_MODE {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "the upload has not been finished",
        ));
    }
    fs::rename(from, to)?;
    sync_names(from, to)?;
    Ok(true)
}

fn sync_names(from: &Path, to: &Path) -> io::Result<()> {
    for path in [to, from] {
        sync_folder(path.parent().unwrap_or(Path::new("/")))?;
    }
    Ok(())
}

/// Makes `to` a further name of the twin's file, and removes what came in under `from`. Says `false`, having changed nothing, where the
/// twin is gone, is not what this store seals, has another length, or can have no further name.
pub(super) fn share(
    twin: &Path,
    from: &Path,
    to: &Path,
    size: Bytes,
    owner: FileOwner,
) -> io::Result<bool> {
    if !link_twin(twin, to, size, owner)? {
        return Ok(false);
    }
    remove(from)?;
    sync_names(from, to)?;
    Ok(true)
}

fn link_twin(twin: &Path, to: &Path, size: Bytes, owner: FileOwner) -> io::Result<bool> {
    let Some(there) = look(twin)?.filter(|file| file.len() == size.0 && is_sealed(file, owner))
    else {
        return Ok(false);
    };
    if let Some(taken) = look(to)?
        && !same_file(&taken, &there)
        && taken.nlink() > 1
    {
        // Whoever gives the name to the attempt's own bytes is told why not.
        return Ok(false);
    }
    match link(twin, to) {
        Ok(_) => Ok(true),
        Err(error) if is_no_link(&error) => Ok(false),
        Err(error) => Err(error),
    }
}

/// As [`share`], for an image: only in exchange for an attempt's bytes. Who deletes an image takes them away first, and from then on
/// there is nothing to share.
pub(super) fn share_for_attempt(
    twin: &Path,
    from: &Path,
    to: &Path,
    size: Bytes,
    owner: FileOwner,
) -> io::Result<bool> {
    let is_twin = |path: &Path| -> io::Result<bool> {
        let (one, other) = (look(path)?, look(twin)?);
        Ok(one.is_some_and(|one| other.is_some_and(|other| same_file(&one, &other))))
    };
    if look(from)?.is_none_or(|file| file.len() != size.0 || !is_sealed(&file, owner)) {
        // `true`: an earlier call has done it.
        return is_twin(to);
    }
    if !link_twin(twin, to, size, owner)? {
        return Ok(false);
    }
    if !remove(from)? {
        if is_twin(to)? {
            remove(to)?;
        }
        sync_names(from, to)?;
        return Ok(false);
    }
    sync_names(from, to)?;
    Ok(true)
}

/// Whether it is a file as this store leaves them.
fn is_sealed(file: &fs::Metadata, owner: FileOwner) -> bool {
    file.is_file()
        && file.permissions().mode() & 0o7777 == SEALED_MODE
        && file.uid() == owner.uid().unwrap_or(geteuid().as_raw())
        && owner.gid().is_none_or(|gid| gid == file.gid())
}

/// The file has all the names that its filesystem allows, or there are no further names at all, or it is gone by now.
fn is_no_link(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error().map(Errno::from_raw),
        Some(Errno::EMLINK | Errno::EPERM | Errno::EOPNOTSUPP | Errno::EXDEV | Errno::ENOENT)
    )
}

/// Publishes a raw form if its image `of` is there, and takes it away again if the image went meanwhile. `None`: there is no image.
pub(super) fn beside_its_image<T>(
    of: &Path,
    to: &Path,
    publish: impl FnOnce() -> io::Result<T>,
) -> io::Result<Option<T>> {
    if look(of)?.is_none() {
        return Ok(None);
    }
    let done = publish()?;
    if look(of)?.is_none() {
        // Whoever deleted the image may have looked for a raw form before it was here.
        remove(to)?;
        sync_folder(to.parent().unwrap_or(Path::new("/")))?;
        return Ok(None);
    }
    Ok(Some(done))
}
