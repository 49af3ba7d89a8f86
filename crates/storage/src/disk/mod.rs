//! Plugs for `ports::disk_backend`: guests' disks as files, or in Ceph.

mod base;
mod copy;
mod error;
mod file;
mod kept;
mod made;
mod rbd;
mod root_disk;

pub(crate) use copy::{copy, create, digest, give};
pub use file::FileDiskBackend;
pub use rbd::{RbdDiskBackend, RbdDiskSettings};
