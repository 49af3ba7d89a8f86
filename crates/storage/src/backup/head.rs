//! What a backup is, in a small file of its own: written last, so that it stands for the rest.

use hatchery_model::id::{BackupId, VolumeId};
use hatchery_model::units::Bytes;
use hatchery_ports::backup_store::KeptBackup;
use serde::{Deserialize, Serialize};

/// Of the layout. Others are not understood.
pub(super) const VERSION: u32 = 1;

/// See the head of this file.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Head {
    pub(super) version: u32,
    pub(super) backup: BackupId,
    pub(super) volume: VolumeId,
    /// Of the volume, in bytes.
    pub(super) size: u64,
    /// Length of a block; the last one may be shorter.
    pub(super) block: u64,
    /// Whose data the blocks lie in, by the number that `blocks` has. The last is its own.
    pub(super) sources: Vec<Source>,
    /// Blocks that are not zeros.
    pub(super) blocks: u64,
    /// SHA-256 of the file `blocks`, in hex.
    pub(super) table_sha256: String,
}

/// A file `data`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Source {
    pub(super) backup: BackupId,
    /// Bytes that it must have for this backup.
    pub(super) needed: u64,
}

impl Head {
    pub(super) fn kept(&self) -> KeptBackup {
        let stored = self.sources.last().map_or(0, |own| own.needed);
        KeptBackup { size: Bytes(self.size), stored: Bytes(stored) }
    }
}
