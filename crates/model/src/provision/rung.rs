//! The ladder's rungs, cheapest first.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A way from an image to a disk.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum Rung {
    /// The base is a hard link of the image's file; the disk is an overlay on it.
    HardLink,
    /// The base shares the image's blocks; the disk is an overlay on it.
    Reflink,
    /// A copy-on-write clone of the image where it lies.
    CloneInPlace,
    /// A clone of the volume that holds the image.
    CloneOfImageVolume,
    /// A base that an earlier disk has left here.
    CloneFromCache,
    /// Started while the bytes still arrive.
    Stream,
    /// All bytes are copied here first, converted if need be.
    DownloadAndConvert,
}

impl Rung {
    /// Every rung, in the order tried.
    pub const LADDER: [Self; 7] = [
        Self::HardLink,
        Self::Reflink,
        Self::CloneInPlace,
        Self::CloneOfImageVolume,
        Self::CloneFromCache,
        Self::Stream,
        Self::DownloadAndConvert,
    ];

    /// The rung's name as shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::HardLink => "hard link",
            Self::Reflink => "reflink",
            Self::CloneInPlace => "clone in place",
            Self::CloneOfImageVolume => "clone of the image's volume",
            Self::CloneFromCache => "base in the cache",
            Self::Stream => "stream",
            Self::DownloadAndConvert => "copy",
        }
    }

    /// The rung's name in metrics.
    pub const fn label(self) -> &'static str {
        match self {
            Self::HardLink => "hard_link",
            Self::Reflink => "reflink",
            Self::CloneInPlace => "clone_in_place",
            Self::CloneOfImageVolume => "clone_of_image_volume",
            Self::CloneFromCache => "clone_from_cache",
            Self::Stream => "stream",
            Self::DownloadAndConvert => "copy",
        }
    }
}

impl fmt::Display for Rung {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
