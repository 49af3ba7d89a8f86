//! Where volumes live: as files.

mod file;

pub use file::{FileVolumeBackend, FileVolumeSettings};
