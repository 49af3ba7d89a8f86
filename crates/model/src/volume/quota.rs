//! What a project may have of volumes, and what it has.

use serde::{Deserialize, Serialize};

/// Limits of a project; -1: none.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct VolumeQuota {
    /// Volumes.
    pub volumes: i64,
    /// Snapshots.
    pub snapshots: i64,
    /// GiB of volumes and snapshots together.
    pub gigabytes: i64,
    /// GiB of one volume.
    pub per_volume_gigabytes: i64,
    /// Backups.
    pub backups: i64,
    /// GiB of backups.
    pub backup_gigabytes: i64,
    /// Groups of volumes.
    pub groups: i64,
}

impl Default for VolumeQuota {
    /// Cinder's own.
    fn default() -> Self {
        Self {
            volumes: 10,
            snapshots: 10,
            gigabytes: 1000,
            per_volume_gigabytes: -1,
            backups: 10,
            backup_gigabytes: 1000,
            groups: 10,
        }
    }
}

/// What a project has of backups.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct BackupUsage {
    /// Backups.
    pub backups: u64,
    /// GiB of the volumes that they are of.
    pub gib: u64,
}

/// What a project has.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct VolumeUsage {
    /// Volumes.
    pub volumes: u64,
    /// GiB of them.
    pub volume_gib: u64,
    /// Snapshots.
    pub snapshots: u64,
    /// GiB of them.
    pub snapshot_gib: u64,
}
