//! Makes images of what volumes and disks hold.
//!
//! Contract. Called by the agent that has the bytes. `make` reads all of them and leaves them in the image store under the order's name, durable,
//! digested and judged: only the control plane gives them an image's name. It may be repeated, and begins anew then: what an earlier try left
//! under the name goes. A call that fails, or whose future is dropped, leaves nothing that a next one would not remove.

use crate::image_store::ImageStoreError;
use crate::volume_backend::{VolumeBytes, VolumeError};
use async_trait::async_trait;
use hatchery_model::image::ImageContent;
use hatchery_model::volume::ImageOfVolume;

/// Why there is no image.
#[derive(Debug, thiserror::Error)]
pub enum ImageMakerError {
    /// The bytes cannot be read.
    #[error(transparent)]
    Volume(#[from] VolumeError),
    /// The image store does not take them.
    #[error(transparent)]
    Store(#[from] ImageStoreError),
    /// The format is none that can be made. The text is for the user.
    #[error("{0}")]
    Unsupported(String),
}

/// See the head of this file.
#[async_trait]
pub trait ImageMaker: Send + Sync {
    /// Leaves in the store what the bytes are, in the format that is wanted.
    async fn make(
        &self,
        bytes: Box<dyn VolumeBytes>,
        wanted: &ImageOfVolume,
    ) -> Result<ImageContent, ImageMakerError>;
}
