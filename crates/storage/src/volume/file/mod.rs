//! Volumes as files of one folder. A volume is a qcow2 file (or a raw one); a snapshot is the file that the volume had until then, which
//! nobody writes to any more, and the volume goes on in a new file laid on it. What is made of an image lies on a further name of the image's
//! file.
//!
//! Every change ends with one record put in place of another, so that a crash leaves what was or what will be, and files that no record leads
//! to, which the next change removes. Formats and what lies on what are read from our records alone.
//!
//! The folder is one of this host, or the root of a share that several hosts have mounted (`ground`, `share`). Not there: files without a
//! name, which a share does not have, and times of files, which it does not let us set.

mod adopt;
mod backend;
mod bytes;
mod create;
mod error;
mod ground;
mod in_use;
mod record;
mod share;
mod shelf;
mod verbs;

pub use backend::{FileVolumeBackend, FileVolumeSettings};
pub use share::ShareVolumeSettings;
