//! What Ceph's errors mean to whoever wanted a volume.

use crate::rbd::{CephError, Clash, CutOff};
use hatchery_ports::volume_backend::VolumeError;
use std::io;

impl From<CephError> for VolumeError {
    fn from(error: CephError) -> Self {
        let text = error.to_string();
        match error {
            CephError::NotFound(_) => Self::NotFound(format!("{text}: was it deleted?")),
            CephError::Conflict { clash: Clash::InUse, .. } => {
                Self::Conflict(format!("{text}: detach the volume, or try again after that time"))
            }
            CephError::Conflict { .. } => Self::Conflict(text),
            CephError::Invalid(_) => Self::Invalid(text),
            CephError::Denied(_) => Self::Denied(text),
            CephError::Exhausted(_) => Self::Exhausted(format!(
                "{text}: delete volumes or snapshots that nobody needs, choose another type, or ask the operator for room"
            )),
            CephError::Unsupported(_) => Self::Unsupported(text),
            CephError::Canceled(ref doing) | CephError::Unavailable { ref doing, .. } => {
                Self::Unavailable { doing: doing.clone(), source: io::Error::from(error) }
            }
        }
    }
}

impl CutOff for VolumeError {
    fn is_cut_off(&self) -> bool {
        match self {
            Self::Unavailable { source, .. } => source
                .get_ref()
                .and_then(|error| error.downcast_ref::<CephError>())
                .is_some_and(CutOff::is_cut_off),
            Self::NotFound(_)
            | Self::Conflict(_)
            | Self::Invalid(_)
            | Self::Denied(_)
            | Self::Exhausted(_)
            | Self::Unsupported(_) => false,
        }
    }
}

/// Files that images are read from.
pub(super) fn file_failed(doing: &'static str) -> impl Fn(io::Error) -> VolumeError {
    move |error| VolumeError::Unavailable { doing: doing.to_owned(), source: error }
}
