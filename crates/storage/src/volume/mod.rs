//! Where volumes live: as files, or in Ceph.

mod chain;
mod file;
mod rbd;

pub use file::{FileVolumeBackend, FileVolumeSettings};
pub use rbd::{RbdImageSource, RbdVolumeBackend, RbdVolumeSettings};
