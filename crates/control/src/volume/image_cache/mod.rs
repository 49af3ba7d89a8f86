//! The image-volume cache of a backend: where the cheapest way to an image's bytes is to copy them, they are copied once into a volume of the
//! internal project, and every volume that is wanted of the image is cloned of that one.
//!
//! The first request for an image makes the entry and its volume's order in its own transaction; those that come while the volume is made wait
//! for it, and all of them are ordered when it is there. What is wanted is decided by rows that one transaction reads and writes, so there is one
//! entry for an image and a backend, and the bounds hold at every moment: the order to make a volume for which others have to leave is written
//! when nothing is left of them. A cache that cannot take an image in is no reason to fail: then the image is copied into the volume itself.

mod answered;
mod evict;
mod image_volume;
mod keep_images;
mod owner;
mod serve;
mod tend;

pub(super) use answered::{built, clone_failed, cost_of_filling, gone, not_built, not_gone};
pub(super) use evict::{has, leaves, report_of};
pub(super) use image_volume::{beside, made, not_made};
pub(crate) use keep_images::keep_images;
pub use owner::{InternalTenant, ensure_internal_tenant};
pub(crate) use serve::Cached;
pub(super) use serve::{Hold, download_instead, expect, hold_of, settle};
pub(crate) use tend::tend;
