//! Where volumes live: as files, or in Ceph.

mod chain;
mod disk_bytes;
mod file;
pub(crate) mod rbd;

pub(crate) use disk_bytes::read_disk;
pub use file::{FileVolumeBackend, FileVolumeSettings, ShareVolumeSettings};
pub(crate) use rbd::{
    Digested, ImageBytes, WantedImage, copy_bytes, drop_snapshot, is_whole_clone, read_image,
    with_causes, write_data,
};
pub use rbd::{RbdImageSource, RbdVolumeBackend, RbdVolumeSettings};
