//! What the planner is told. Facts, read or tried out; never wishes.

use crate::image::ImageFormat;
use crate::units::Bytes;
use serde::{Deserialize, Serialize};

/// What is known of an image.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ImageFacts {
    /// Format that a base will have: the one found at ingest, or raw where a raw form was made then.
    pub format: ImageFormat,
    /// Length of the file that a base is made of.
    pub size: Bytes,
    /// Size of the disk in it.
    pub virtual_size: Bytes,
    /// Where it lies in Ceph, if it does.
    #[serde(default)]
    pub location: Option<ImageLocation>,
}

/// A protected snapshot of an image in Ceph: `rbd://fsid/pool/image/snapshot`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ImageLocation {
    /// The cluster's id.
    pub fsid: String,
    /// The pool.
    pub pool: String,
    /// The RBD image's name.
    pub image: String,
    /// The snapshot's name.
    pub snapshot: String,
}

/// What the host's disk backend can do.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct TargetFacts {
    /// For a backend of files.
    pub file: FileAbilities,
    /// `force_raw_images`: bases must be raw.
    pub force_raw: bool,
}

/// What files on the host can do, each found by a trial at the agent's start.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct FileAbilities {
    /// A link from the image store to the bases: made and removed in a trial. Else why not.
    pub hard_link: Result<(), String>,
    /// A reflink from the image store to the bases. Else why not.
    pub reflink: Result<(), String>,
    /// Free where the bases are.
    pub free: Bytes,
}

/// A base that is already on the host.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct BaseFacts {
    /// Its recorded format.
    pub format: ImageFormat,
    /// Whether its recorded digest is the image's.
    pub digest_matches: bool,
}
