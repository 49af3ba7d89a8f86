//! What the system's errors mean to whoever wanted a volume.

use hatchery_ports::volume_backend::VolumeError;
use nix::errno::Errno;
use std::error::Error;
use std::io;

/// The system's number of an error, also of one that another error tells of.
pub(super) fn errno(error: &io::Error) -> Option<Errno> {
    let of = |error: &io::Error| error.raw_os_error().map(Errno::from_raw);
    of(error).or_else(|| {
        let mut next = error.source();
        while let Some(cause) = next {
            if let Some(found) = cause.downcast_ref::<io::Error>().and_then(of) {
                return Some(found);
            }
            next = cause.source();
        }
        None
    })
}

/// Whether an error may be of the way to the files and not of the files: a handle from before the server was started again, or a mount that
/// lost its server. What it says of is opened by its name and tried again.
pub(super) fn may_pass(error: &io::Error) -> bool {
    matches!(errno(error), Some(Errno::ESTALE | Errno::EIO | Errno::ENOTCONN | Errno::ETIMEDOUT))
}

/// A sentence for those errors that somebody can do something about; the rest may pass.
pub(super) fn failed(doing: &'static str) -> impl Fn(io::Error) -> VolumeError {
    move |error| match errno(&error) {
        Some(Errno::ENOSPC | Errno::EDQUOT | Errno::EFBIG) => VolumeError::Exhausted(format!(
            "the backend has no room left, so it cannot {doing}: delete volumes or snapshots that nobody needs, or choose another type"
        )),
        Some(Errno::EMLINK) => VolumeError::Exhausted(format!(
            "the image's file has as many names as its filesystem allows, so the backend cannot {doing}"
        )),
        Some(Errno::EXDEV | Errno::EOPNOTSUPP) => VolumeError::Conflict(format!(
            "the backend's filesystem is not what it was when this was planned, so it cannot {doing}: try again"
        )),
        Some(Errno::EACCES | Errno::EPERM | Errno::EROFS) => VolumeError::Denied(format!(
            "the system does not let this process {doing} ({error}): run it as root, and mount the backend for writing, \
             without root squash or owned by the hypervisor's user"
        )),
        Some(_) => VolumeError::Unavailable { doing: doing.to_owned(), source: error },
        // Found out by ourselves, and said in a sentence.
        None => match error.kind() {
            io::ErrorKind::StorageFull => VolumeError::Exhausted(error.to_string()),
            io::ErrorKind::InvalidData => VolumeError::Conflict(error.to_string()),
            io::ErrorKind::Unsupported => VolumeError::Unsupported(error.to_string()),
            _ => VolumeError::Unavailable { doing: doing.to_owned(), source: error },
        },
    }
}
