//! What Ceph's errors mean to whoever wanted a backup.

use crate::rbd::{CephError, Clash, CutOff};
use hatchery_ports::backup_store::BackupError;
use std::io;

impl From<CephError> for BackupError {
    fn from(error: CephError) -> Self {
        let text = error.to_string();
        match error {
            CephError::NotFound(_) => Self::NotFound(format!("{text}: was it removed by others?")),
            CephError::Invalid(_) | CephError::Unsupported(_) => Self::Invalid(text),
            CephError::Denied(_) => Self::Denied(text),
            CephError::Exhausted(_) => Self::Exhausted(format!(
                "{text}: delete backups that nobody needs, or ask the operator for room"
            )),
            // An agent that has died had it open a moment ago.
            CephError::Conflict { ref doing, clash: Clash::InUse }
            | CephError::Canceled(ref doing)
            | CephError::Unavailable { ref doing, .. } => {
                Self::Unavailable { doing: doing.clone(), source: io::Error::from(error) }
            }
            CephError::Conflict { .. } => Self::Conflict(text),
        }
    }
}

impl CutOff for BackupError {
    fn is_cut_off(&self) -> bool {
        match self {
            Self::Unavailable { source, .. } => source
                .get_ref()
                .and_then(|error| error.downcast_ref::<CephError>())
                .is_some_and(CutOff::is_cut_off),
            Self::Volume(error) => error.is_cut_off(),
            Self::NotFound(_)
            | Self::Conflict(_)
            | Self::Invalid(_)
            | Self::Denied(_)
            | Self::Exhausted(_) => false,
        }
    }
}
