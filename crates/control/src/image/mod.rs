//! Glance's verbs, one a file.
//!
//! An image's row and its bytes change in this order: the row says what is about to happen, then the bytes move, then the row says that
//! it has happened. Whoever dies in between leaves a row from which [`recover`] or the delete task knows what to remove.

mod access;
pub(crate) mod arriving;
mod change;
mod create_image;
mod delete_image;
mod download_image;
mod finish_delete;
mod list_images;
mod raw_form;
mod recover;
mod seal_image;
mod set_active;
mod twin;
mod update_image;
mod upload_image;
mod verbs;
pub(crate) mod without_bytes;

pub(crate) use access::may_see;
pub use change::{Change, Presence};
pub use finish_delete::{DeleteGround, DeleteImage, finish_delete};
pub use list_images::{ImageQuery, Moment, VisibilityWanted};
pub(crate) use raw_form::{is_missing, make_raw_form};
pub use recover::{Recovered, recover};
pub use seal_image::SealImage;
pub(crate) use upload_image::attempt_of;
pub use upload_image::{Upload, UploadBody, UploadLimits, UploadRefusal};
pub use verbs::{ImagePorts, ImageVerbs};

#[cfg(test)]
mod tests;
