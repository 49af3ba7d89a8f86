//! Images in a pool of Ceph, as Glance keeps them: `<image id>` with the protected snapshot `snap`, of which clones are made; raw forms are
//! `<image id>.raw`. While they arrive they are `incoming-<attempt>`.
//!
//! An image is deleted at once for everybody who asks, and its bytes go with the last clone. Images with the same bytes are clones of one
//! another.

mod read;
mod store;
mod upload;
mod verbs;

use hatchery_model::id::ImageId;

pub use store::{RbdImageStore, RbdImageStoreSettings};

/// The snapshot that clones are made of: Glance's name.
pub(crate) const RBD_SNAPSHOT: &str = "snap";
/// The beginning of an attempt's name.
const INCOMING: &str = "incoming-";

/// An image's name, and that of its raw form.
pub(crate) fn rbd_name(image: ImageId, is_raw_form: bool) -> String {
    if is_raw_form { format!("{image}.raw") } else { image.to_string() }
}

/// What a name of the pool stands for.
enum Named {
    Image(ImageId),
    Attempt(String),
    Other,
}

fn read_name(name: &str) -> Named {
    if let Some(attempt) = name.strip_prefix(INCOMING) {
        return Named::Attempt(attempt.to_owned());
    }
    let id = name.strip_suffix(".raw").unwrap_or(name);
    match id.parse::<ImageId>() {
        // Only the spelling that is written here.
        Ok(image) if image.to_string() == id => Named::Image(image),
        Ok(_) | Err(_) => Named::Other,
    }
}
