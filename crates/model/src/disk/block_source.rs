//! The one noun that storage and hypervisors share.

use crate::image::ImageFormat;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

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
}
