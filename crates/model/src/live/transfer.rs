//! Bytes on their way.

use crate::id::ImageId;
use crate::timestamp::Timestamp;
use crate::units::Bytes;
use serde::{Deserialize, Serialize};

/// What kind of way bytes take.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TransferKind {
    /// A client sends an image.
    Upload,
    /// A client reads an image.
    Download,
    /// An image becomes one of another format.
    Conversion,
    /// An image's bytes are copied to where a base is to be.
    Copy,
    /// A base's bytes are compared with their digest.
    Scrub,
}

impl TransferKind {
    /// Every kind.
    pub const ALL: [Self; 5] =
        [Self::Upload, Self::Download, Self::Conversion, Self::Copy, Self::Scrub];

    /// Its name, for logs and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Upload => "upload",
            Self::Download => "download",
            Self::Conversion => "conversion",
            Self::Copy => "copy",
            Self::Scrub => "scrub",
        }
    }
}

/// One that is under way.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Transfer {
    /// Unique in one process, growing.
    pub id: u64,
    /// Its kind.
    pub kind: TransferKind,
    /// What is moved, for people.
    pub what: String,
    /// The image whose bytes they are, where there is one.
    pub image: Option<ImageId>,
    /// Bytes moved so far.
    pub bytes: Bytes,
    /// Bytes in all, where known.
    pub total: Option<Bytes>,
    /// Bytes moved in each of the last seconds, on average.
    pub bytes_per_second: u64,
    /// When it began.
    pub started_at: Timestamp,
}
