//! File operations that survive a crash, and can be repeated after one.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::time::Duration;

/// No trial takes so long.
const STALE: Duration = Duration::from_secs(3600);

/// Makes the names in a folder durable.
pub(crate) fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Makes a folder of exactly this mode, whatever the process's mask is, and those above it. `Ok` when it is there;
/// then its mode is left alone.
pub(crate) fn make_folder(path: &Path, mode: u32) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    match fs::create_dir(path) {
        Ok(()) => fs::set_permissions(path, Permissions::from_mode(mode)),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        Err(error) => Err(error),
    }
}

/// Removes a file's name; says whether there was one.
pub(crate) fn remove(path: &Path) -> io::Result<bool> {
    match fs::remove_file(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Removes files whose names begin so and that are over an hour older than `than`: left by trials that were cut off.
/// Ages are compared within one filesystem, so that no clock is needed.
pub(crate) fn remove_stale(folder: &Path, prefix: &str, than: &File) -> io::Result<()> {
    let now = than.metadata()?.modified()?;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if !entry.file_name().to_string_lossy().starts_with(prefix) {
            continue;
        }
        let Some(found) = look(&entry.path())? else {
            continue;
        };
        if now.duration_since(found.modified()?).is_ok_and(|age| age > STALE) {
            remove(&entry.path())?;
        }
    }
    Ok(())
}

/// What is under a name, links not followed; `None` when there is nothing.
pub(crate) fn look(path: &Path) -> io::Result<Option<fs::Metadata>> {
    match fs::symlink_metadata(path) {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Whether two names lead to the very same file.
pub(crate) fn same_file(a: &fs::Metadata, b: &fs::Metadata) -> bool {
    (a.dev(), a.ino()) == (b.dev(), b.ino())
}
