//! Volumes in a pool of Ceph, under Cinder's names: `volume-<id>`, and `snapshot-<id>` of it.
//!
//! Clones are of format 2, so that a snapshot can be removed while volumes that were made of it live on: Ceph hides it until the last one is gone.
//! A volume with such snapshots goes to the trash, and is removed for good with the last of its clones.
//! Every removal goes through the trash, and a note of the pool says so before: what was cut off is found there and finished. What takes
//! long is made as `volume-<id>.part` and gets its name when it is whole; a clone gets its name at once, and is looked at again when its making
//! is repeated. A copy of a volume needs a snapshot of it for a moment, `volume-<id>.clone_snap`; a note of the pool says so until
//! that is gone. A volume that holds an image keeps it while the volume itself is at the end of a chain: others are cloned of the same
//! snapshot until it has been flattened in the background. Not here: connections and time-outs (`crate::rbd`).

mod adopt;
mod backend;
mod background;
mod bytes;
mod copy;
mod create;
mod error;
mod image_volume;
mod lineage;
mod names;
mod remove;
mod verbs;

pub(crate) use backend::with_causes;
pub use backend::{RbdImageSource, RbdVolumeBackend, RbdVolumeSettings};
pub(crate) use bytes::read_image;
pub(crate) use copy::{Digested, ImageBytes, Runs, copy_bytes, write_data};
pub(crate) use create::WantedImage;
pub(crate) use lineage::is_whole_clone;
pub(crate) use remove::drop_snapshot;
