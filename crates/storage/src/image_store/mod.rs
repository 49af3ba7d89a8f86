//! Plugs for `ports::image_store`: images as files of a pool, or in a pool of Ceph.

mod digest;
mod file;
mod lane;
mod maker;
mod publish;
mod rbd;
mod sparse_file;
mod upload;

pub use file::FileImageStore;
pub use maker::StoreImageMaker;
pub(crate) use rbd::{RBD_SNAPSHOT, rbd_name};
pub use rbd::{RbdImageStore, RbdImageStoreSettings};
pub(crate) use sparse_file::SparseFile;
