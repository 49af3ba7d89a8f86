//! File operations that survive a crash, and can be repeated after one.

use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, chown};
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

/// Makes a folder with mode 0755 that belongs to whom the folder that it is in belongs to: it is their program that writes there. It gets
/// its name only when it is so. `Ok` when it is there; then its owner is left alone.
pub(crate) fn make_folder_of_parents_owner(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    let parent = path.parent().unwrap_or(Path::new("/"));
    let mut name = std::ffi::OsString::from(".new-");
    name.push(path.file_name().unwrap_or_default());
    let made = parent.join(name);
    make_folder(&made, 0o755)?;
    fs::set_permissions(&made, Permissions::from_mode(0o755))?;
    let (owner, own) = (fs::metadata(parent)?, fs::metadata(&made)?);
    if (owner.uid(), owner.gid()) != (own.uid(), own.gid()) {
        chown(&made, Some(owner.uid()), Some(owner.gid())).inspect_err(|_| {
            let _ = fs::remove_dir(&made);
        })?;
    }
    match fs::rename(&made, path) {
        Err(_) if path.is_dir() => match fs::remove_dir(&made) {
            // Another process has been quicker, also in taking this away.
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            Ok(()) | Err(_) => Ok(()),
        },
        renamed => renamed,
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

/// A record. `None` when there is none. One that cannot be understood is an error: it was written whole or not at all, so it is another version's.
pub(crate) fn read_record<T: DeserializeOwned>(path: &Path) -> io::Result<Option<T>> {
    match fs::read(path) {
        Ok(text) => serde_json::from_slice(&text).map(Some).map_err(|error| {
            let text = format!("{} cannot be understood: {error}", path.display());
            io::Error::new(io::ErrorKind::InvalidData, text)
        }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Extension of a record until it is whole. A process that is killed may leave one.
pub(crate) const UNFINISHED: &str = "json-new";

/// Writes a record durably, in one step, readable for everybody.
pub(crate) fn write_record<T: Serialize>(path: &Path, record: &T) -> io::Result<()> {
    let temporary = path.with_extension(UNFINISHED);
    remove(&temporary)?;
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o644)
        .open(&temporary)
        .and_then(|mut file| {
            file.write_all(&serde_json::to_vec(record)?)?;
            file.sync_data()
        })
        .and_then(|()| fs::rename(&temporary, path));
    if let Err(error) = written {
        remove(&temporary)?;
        return Err(error);
    }
    sync_folder(path.parent().unwrap_or(Path::new("/")))
}
