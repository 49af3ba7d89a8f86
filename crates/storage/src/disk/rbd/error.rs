//! What Ceph's errors mean to whoever wanted a disk.

use crate::rbd::{CephError, Clash, CutOff};
use hatchery_ports::disk_backend::DiskError;
use hatchery_ports::volume_backend::VolumeError;
use std::io;

/// The disks' own errors, made in a room that may neither know of Ceph nor be known to it.
pub(super) struct Failed(pub(super) DiskError);

impl From<DiskError> for Failed {
    fn from(error: DiskError) -> Self {
        Self(error)
    }
}

impl From<CephError> for Failed {
    fn from(error: CephError) -> Self {
        let text = error.to_string();
        Self(match error {
            CephError::NotFound(_) => DiskError::NotFound(text),
            CephError::Conflict { clash: Clash::InUse, .. } => {
                DiskError::Conflict(format!("{text}: stop its guest, or try again after that time"))
            }
            CephError::Conflict { .. } => DiskError::Conflict(text),
            CephError::Exhausted(_) => DiskError::Exhausted(format!(
                "{text}: delete servers that nobody needs, or ask the operator for room"
            )),
            CephError::Invalid(_) | CephError::Denied(_) | CephError::Unsupported(_) => {
                DiskError::Unsupported(text)
            }
            CephError::Canceled(ref doing) | CephError::Unavailable { ref doing, .. } => {
                DiskError::Unavailable { doing: doing.clone(), source: io::Error::from(error) }
            }
        })
    }
}

/// Of the copying that disks have in common with volumes.
impl From<VolumeError> for Failed {
    fn from(error: VolumeError) -> Self {
        Self(match error {
            VolumeError::NotFound(text) => DiskError::NotFound(text),
            VolumeError::Conflict(text) => DiskError::Conflict(text),
            VolumeError::Exhausted(text) => DiskError::Exhausted(text),
            VolumeError::Invalid(text)
            | VolumeError::Denied(text)
            | VolumeError::Unsupported(text) => DiskError::Unsupported(text),
            VolumeError::Unavailable { doing, source } => DiskError::Unavailable { doing, source },
        })
    }
}

impl CutOff for Failed {
    fn is_cut_off(&self) -> bool {
        match &self.0 {
            DiskError::Unavailable { source, .. } => source
                .get_ref()
                .and_then(|error| error.downcast_ref::<CephError>())
                .is_some_and(CutOff::is_cut_off),
            DiskError::NotFound(_)
            | DiskError::Conflict(_)
            | DiskError::Exhausted(_)
            | DiskError::Unsupported(_) => false,
        }
    }
}
