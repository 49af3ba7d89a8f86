//! Volumes as files of one folder. A volume is a qcow2 file (or a raw one); a snapshot is the file that the volume had until then, which
//! nobody writes to any more, and the volume goes on in a new file laid on it. What is made of an image lies on a further name of the image's
//! file.
//!
//! Every change ends with one record put in place of another, so that a crash leaves what was or what will be, and files that no record leads
//! to, which the next change removes. Formats and what lies on what are read from our records alone.

mod adopt;
mod backend;
mod bytes;
mod create;
mod error;
mod in_use;
mod record;
mod shelf;
mod verbs;

pub(crate) use bytes::read_disk;

pub use backend::{FileVolumeBackend, FileVolumeSettings};
