//! Plugs for `ports::image_store`: images as files of a pool.

mod digest;
mod file;
mod lane;
mod publish;
mod sparse_file;
mod upload;

pub use file::FileImageStore;
pub(crate) use sparse_file::SparseFile;
