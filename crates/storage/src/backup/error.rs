//! What the system's errors mean to whoever wanted a backup.

use hatchery_ports::backup_store::BackupError;
use nix::errno::Errno;
use std::io;

/// A sentence for those errors that somebody can do something about; the rest may pass.
pub(super) fn failed(doing: &'static str) -> impl Fn(io::Error) -> BackupError {
    move |error| match error.raw_os_error().map(Errno::from_raw) {
        Some(Errno::ENOSPC | Errno::EDQUOT | Errno::EFBIG) => BackupError::Exhausted(format!(
            "the backup store has no room left, so it cannot {doing}: delete backups that nobody needs, or give it more room"
        )),
        Some(Errno::EACCES | Errno::EPERM | Errno::EROFS) => BackupError::Denied(format!(
            "the system does not let this process {doing} ({error}): mount the backup store for writing, and let the process write there"
        )),
        Some(_) | None => BackupError::Unavailable { doing: doing.to_owned(), source: error },
    }
}
