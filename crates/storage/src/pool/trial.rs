//! What the filesystems can do, found by doing it.

use super::{Instances, Pool};
use crate::durable::{remove, remove_stale, same_file};
use crate::ffi::reflink;
use hatchery_model::units::Bytes;
use nix::errno::Errno;
use nix::sys::statvfs::statvfs;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// Names of trials begin so. Images' names are ids, and attempts' have no leading dot.
const PREFIX: &str = ".trial-";

/// Begins the names of one host's trials, among the images that all hosts share.
fn prefix_of(bases: &Path) -> io::Result<String> {
    let bases = fs::metadata(bases)?;
    Ok(format!("{PREFIX}{:x}-{:x}-", bases.dev(), bases.ino()))
}

/// Removes what this host's earlier trials left among the images. Only for the one process that uses these bases.
pub(crate) fn sweep_trials(pool: &Pool, instances: &Instances) -> io::Result<()> {
    let prefix = prefix_of(&instances.bases())?;
    for entry in fs::read_dir(pool.images())? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(&prefix) {
            remove(&entry.path())?;
        }
    }
    Ok(())
}

static COUNT: AtomicU64 = AtomicU64::new(0);

/// Two files of a trial, which go when it ends.
struct Trial {
    from: PathBuf,
    to: PathBuf,
}

impl Trial {
    /// Writes the file to be linked among the images.
    fn begin(pool: &Pool, bases: &Path) -> io::Result<Self> {
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("{}{}-{count}", prefix_of(bases)?, std::process::id());
        let trial = Self { from: pool.images().join(&name), to: bases.join(&name) };
        remove(&trial.from)?;
        remove(&trial.to)?;
        let mut file = create(&trial.from)?;
        file.write_all(&[0x5a; 4096])?;
        file.sync_data()?;
        remove_stale(&pool.images(), PREFIX, &file)?;
        Ok(trial)
    }
}

impl Drop for Trial {
    fn drop(&mut self) {
        for path in [&self.from, &self.to] {
            if let Err(error) = remove(path) {
                tracing::warn!(path = %path.display(), %error, "a trial's file is left");
            }
        }
    }
}

fn create(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).open(path)
}

/// Makes and removes a link from the images to the bases. Else why not, as a sentence.
pub(crate) fn try_hard_link(pool: &Pool, bases: &Path) -> Result<(), String> {
    Trial::begin(pool, bases)
        .and_then(|trial| {
            fs::hard_link(&trial.from, &trial.to)?;
            let names = (fs::symlink_metadata(&trial.from)?, fs::symlink_metadata(&trial.to)?);
            if same_file(&names.0, &names.1) {
                return Ok(());
            }
            // Some clients of shares number names and not files: whether a name leads to an image's file could not be told.
            Err(io::Error::other("its two names do not show that they are one file"))
        })
        .map_err(|error| reason("hard link", &error, pool, bases))
}

/// Shares a file's blocks from the images to the bases. Else why not, as a sentence.
pub(crate) fn try_reflink(pool: &Pool, bases: &Path) -> Result<(), String> {
    Trial::begin(pool, bases)
        .and_then(|trial| reflink(&File::open(&trial.from)?, &create(&trial.to)?))
        .map_err(|error| reason("reflink", &error, pool, bases))
}

/// Bytes that an unprivileged process could still write in a folder's filesystem.
pub(crate) fn free_bytes(folder: &Path) -> io::Result<Bytes> {
    let found = statvfs(folder)?;
    Ok(Bytes(found.blocks_available().saturating_mul(found.fragment_size())))
}

fn reason(what: &str, error: &io::Error, pool: &Pool, bases: &Path) -> String {
    let images = pool.images();
    let (images, bases) = (images.display(), bases.display());
    match error.raw_os_error().map(Errno::from_raw) {
        Some(Errno::EXDEV) => format!(
            "a {what} from {images} to {bases} is not possible, since they are on two filesystems: \
             put both on one"
        ),
        Some(Errno::EOPNOTSUPP | Errno::EINVAL | Errno::ENOTTY | Errno::ENOSYS) => {
            format!("the filesystem of {bases} has no {what}s")
        }
        Some(Errno::EPERM | Errno::EACCES) => format!(
            "the system does not let this process make a {what} from {images} to {bases}: run it as \
             the owner of both, or as root"
        ),
        Some(Errno::ENOSPC | Errno::EDQUOT) => {
            format!("a trial {what} from {images} to {bases} found no room")
        }
        Some(Errno::EROFS) => format!("{images} or {bases} is on a filesystem mounted read-only"),
        Some(_) | None => format!("a trial {what} from {images} to {bases} failed: {error}"),
    }
}
