//! The one noun that storage and hypervisors share.

use crate::image::ImageFormat;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// Where a disk's bytes are: all that a hypervisor learns of storage. Every format is named, so that none is
/// ever probed from what a guest may have written.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum BlockSource {
    /// A file on a mounted filesystem.
    File {
        /// Its absolute path.
        path: PathBuf,
        /// Its format.
        format: ImageFormat,
        /// Whether the guest must not write to it.
        read_only: bool,
        /// What an overlay lies on.
        backing: Option<Box<BlockSource>>,
    },
    /// An image of a Ceph cluster, always raw.
    Rbd(RbdImage),
}

/// An image of a Ceph cluster. The user's key is never part of it: whoever opens the image has that from its own configuration.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct RbdImage {
    /// The pool.
    pub pool: String,
    /// The image's name in the pool.
    pub image: String,
    /// A snapshot of it, which can only be read.
    pub snapshot: Option<String>,
    /// The cephx user without `client.`
    pub user: String,
    /// The cluster's configuration file on every host that uses it.
    pub ceph_conf: Option<PathBuf>,
    /// `host:port` of the monitors; empty: the configuration file names them.
    pub monitors: Vec<String>,
}

impl BlockSource {
    /// The format of the bytes.
    pub const fn format(&self) -> ImageFormat {
        match self {
            Self::File { format, .. } => *format,
            Self::Rbd(_) => ImageFormat::Raw,
        }
    }

    /// The file, where it is one.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::File { path, .. } => Some(path),
            Self::Rbd(_) => None,
        }
    }

    /// What it lies on, where that is known here.
    pub fn backing(&self) -> Option<&Self> {
        match self {
            Self::File { backing, .. } => backing.as_deref(),
            Self::Rbd(_) => None,
        }
    }
}
