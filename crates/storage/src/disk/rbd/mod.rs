//! Disks of guests in a pool of Ceph, under Nova's names: `<server id>_disk`, a clone of the image where that lies in the same cluster, else a
//! copy of its bytes.
//!
//! Clones are of format 2, so that an image can be deleted while disks that were made of it live on. A clone gets its name at once, and is looked at
//! again when its making is repeated; a copy is made as `<server id>_disk.part` and gets its name when it is whole. A removal goes
//! through the trash, and a note of the pool says so before. There are no bases. Not here: connections and time-outs (`crate::rbd`).

mod backend;
mod copied;
mod create;
mod error;
mod names;
mod remove;
mod room;

pub use backend::{RbdDiskBackend, RbdDiskSettings};
