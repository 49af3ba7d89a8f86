//! Plugs for `ports::disk_backend`: guests' disks as files.

mod base;
mod copy;
mod error;
mod file;
mod kept;
mod made;
mod root_disk;

pub use file::FileDiskBackend;
