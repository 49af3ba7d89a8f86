//! Ids in paths.

use super::fault::Fault;
use hatchery_control::Error;
use hatchery_model::id::ImageId;

/// An image's id in its usual spelling; anything else names no image.
pub fn image(text: &str) -> Result<ImageId, Fault> {
    let id = text.parse().ok().filter(|_| text.len() == 36);
    id.ok_or_else(|| Error::not_found("Image", text).into())
}
