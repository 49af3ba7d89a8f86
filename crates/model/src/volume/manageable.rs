//! What a backend's space holds that is a volume, or could be taken for one.

use crate::id::{SnapshotId, VolumeId};
use crate::units::Bytes;
use serde::{Deserialize, Serialize};

/// One of them.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Manageable {
    /// Its name there: what a request to take it says.
    pub name: String,
    /// Its size.
    pub size: Bytes,
    /// The volume that it is already.
    pub volume: Option<VolumeId>,
    /// Why it cannot be taken. `None`: it can.
    pub refused_by: Option<String>,
}

/// A snapshot of what a backend holds, that is one of a volume, or could be taken for one.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ManageableSnapshot {
    /// Its name there.
    pub name: String,
    /// The size that what it is of had then.
    pub size: Bytes,
    /// The name of what it is of.
    pub of: String,
    /// The volume that it is of, by that name.
    pub volume: Option<VolumeId>,
    /// The snapshot that it is already, by its name.
    pub snapshot: Option<SnapshotId>,
    /// Why it cannot be taken. `None`: it can.
    pub refused_by: Option<String>,
}
