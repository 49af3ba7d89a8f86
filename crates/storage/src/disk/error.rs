//! What the system's errors mean to whoever wanted a disk.

use hatchery_ports::disk_backend::DiskError;
use nix::errno::Errno;
use std::io;

/// A sentence for those errors that somebody can do something about; the rest may pass.
pub(super) fn disk_error(doing: &str, error: io::Error) -> DiskError {
    match error.raw_os_error().map(Errno::from_raw) {
        Some(Errno::ENOSPC | Errno::EDQUOT) => DiskError::Exhausted(format!(
            "the host has no room left, so it cannot {doing}: free some, or choose another host"
        )),
        Some(Errno::EMLINK) => DiskError::Exhausted(format!(
            "the image's file has as many names as its filesystem allows, so the host cannot {doing}"
        )),
        Some(Errno::EXDEV) => DiskError::Conflict(format!(
            "the pool and the instances are on two filesystems now, so the host cannot {doing}: plan again"
        )),
        Some(Errno::EOPNOTSUPP) => DiskError::Conflict(format!(
            "the filesystem cannot share blocks, so the host cannot {doing}: plan again"
        )),
        Some(Errno::EACCES | Errno::EPERM | Errno::EROFS) => DiskError::Unsupported(format!(
            "the host's system does not let this process {doing} ({error}): run it as root, and mount the pool and the \
             instances for writing"
        )),
        Some(_) | None => DiskError::Unavailable { doing: doing.to_owned(), source: error },
    }
}
