//! What is known of a base that is there.

use super::{BaseLease, BaseName};
use crate::id::ImageId;
use crate::image::{ContentDigest, ImageFormat};
use crate::timestamp::Timestamp;
use crate::units::Bytes;
use serde::{Deserialize, Serialize};

/// One base as `hatchery pool ls` shows it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct BaseStatus {
    /// Its name.
    pub base: BaseName,
    /// Its image; `None` for a base that no image explains.
    pub image: Option<ImageId>,
    /// The format that overlays name.
    pub format: Option<ImageFormat>,
    /// Length of the file.
    pub size: Bytes,
    /// Size of the disk in it.
    pub virtual_size: Option<Bytes>,
    /// Bytes that it takes on the disk. 0 for a further name of an inode that another row counts.
    pub allocated: Bytes,
    /// The inode, so that names of one file can be seen to be.
    pub inode: u64,
    /// Names that the inode has, the image's own among them.
    pub links: u64,
    /// What its bytes were when they were taken in.
    pub digest: Option<ContentDigest>,
    /// Which rules judged the bytes.
    pub inspector_version: Option<u32>,
    /// When it was first linked.
    pub since: Option<Timestamp>,
    /// When its bytes were last compared with the digest.
    pub verified_at: Option<Timestamp>,
    /// Who holds it.
    pub holders: Vec<BaseLease>,
    /// How it is.
    pub health: BaseHealth,
}

/// How a base is.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum BaseHealth {
    /// There, and by all that is known the image's bytes.
    Good,
    /// Not there.
    Missing,
    /// Other bytes than the image's, or another format than its disks name.
    Changed {
        /// What was seen: a sentence for people.
        why: String,
    },
    /// Nobody needs it; it goes when it has been so for long enough.
    Unused {
        /// For how long it has been seen unused.
        seconds: u64,
    },
}
