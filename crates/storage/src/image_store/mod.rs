//! Plugs for `ports::image_store`: images as files of a pool.

mod digest;
mod file;
mod lane;
mod publish;
mod sparse_file;
mod upload;

pub use file::FileImageStore;
pub(crate) use sparse_file::SparseFile;
/// The snapshot of an image in Ceph that clones are made of: Glance's name.
pub(crate) const RBD_SNAPSHOT: &str = "snap";

/// An image's name in Ceph, as Glance has it; and that of its raw form.
pub(crate) fn rbd_name(image: hatchery_model::id::ImageId, is_raw_form: bool) -> String {
    if is_raw_form { format!("{image}.raw") } else { image.to_string() }
}
