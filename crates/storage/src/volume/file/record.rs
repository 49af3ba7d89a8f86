//! What is known of files and volumes, in small files of ours. A header says nothing that is not in a record as well.

use hatchery_model::id::{ImageId, SnapshotId, VolumeId};
use hatchery_model::image::ImageFormat;
use hatchery_model::provision::Rung;
use hatchery_model::units::Bytes;
use serde::{Deserialize, Serialize};

/// A file with bytes, in a record beside it. Never changes once the file has its name.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct FileRecord {
    /// Its format.
    pub(super) format: ImageFormat,
    /// The name of the file that it lies on.
    pub(super) backing: Option<String>,
    /// The image that it is.
    pub(super) image: Option<ImageId>,
}

/// A volume.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct VolumeRecord {
    pub(super) volume: VolumeId,
    pub(super) size: Bytes,
    /// The file that is written to.
    pub(super) file: String,
    /// Number of its next file.
    pub(super) next: u32,
    /// The oldest first.
    pub(super) snapshots: Vec<SnapshotRecord>,
    /// Snapshots that a guest's hypervisor is copying into files of their own.
    #[serde(default)]
    pub(super) copying: Vec<SnapshotRecord>,
    /// The way that was taken, for one from an image.
    pub(super) rung: Option<Rung>,
    /// Bytes that making it copied.
    pub(super) bytes_copied: Bytes,
}

/// A snapshot: a file that is not written to any more.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct SnapshotRecord {
    pub(super) snapshot: SnapshotId,
    pub(super) file: String,
    pub(super) size: Bytes,
}
