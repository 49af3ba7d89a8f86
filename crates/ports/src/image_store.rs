//! The bytes of images, immutable once sealed.
//!
//! Contract. Called by `control` (upload, download, delete). Bytes arrive under an attempt's own name, where nobody
//! looks for an image; `finish` makes them durable there and judges them; `publish` gives them the image's
//! name in one step. Whoever dies before `publish` leaves litter that `sweep` removes, never an image.
//! A published image may get a raw form in the same two steps; it is no image, and goes with its image.
//! Images with the same bytes may share one file: nobody can tell but by looking at the store, and deleting one harms no other.
//! Every call may be repeated.

use async_trait::async_trait;
use bytes::Bytes as Chunk;
use futures_util::stream::BoxStream;
use hatchery_model::id::ImageId;
use hatchery_model::image::{DiskFormat, ImageContent, RawForm};
use hatchery_model::units::Bytes;

/// Why the store did not do it.
#[derive(Debug, thiserror::Error)]
pub enum ImageStoreError {
    /// There are no such bytes.
    #[error("the image store has no data for image {0}")]
    NotFound(ImageId),
    /// The bytes are not what an image may be. The text is for the user.
    #[error("{0}")]
    Invalid(String),
    /// No room. The text is for the user.
    #[error("{0}")]
    Exhausted(String),
    /// The store does not answer, or answers with an error that may pass.
    #[error("the image store cannot {doing}")]
    Unavailable {
        /// What was being done.
        doing: String,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
}

/// Sealed bytes of the store.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StoredBytes {
    /// Those that were uploaded.
    Image(ImageId),
    /// Those of the image's raw form.
    RawForm(ImageId),
}

/// Receives one upload. Dropping it without `finish` removes what has arrived.
#[async_trait]
pub trait ImageWriter: Send {
    /// Takes the next bytes: digests them, shows them to the inspector, writes them.
    async fn write(&mut self, chunk: Chunk) -> Result<(), ImageStoreError>;

    /// Ends the upload: everything is on the disk, digested and accepted by the inspector. The bytes still have the attempt's
    /// name. On an error nothing of them is left.
    async fn finish(self: Box<Self>) -> Result<ImageContent, ImageStoreError>;
}

/// See the head of this file.
#[async_trait]
pub trait ImageStore: Send + Sync {
    /// Begins an upload under the attempt's name. `declared` is the format that the user says; an inspector that
    /// finds another refuses. `cap` is the largest size taken.
    async fn begin(
        &self,
        image: ImageId,
        attempt: &str,
        declared: DiskFormat,
        cap: Bytes,
    ) -> Result<Box<dyn ImageWriter>, ImageStoreError>;

    /// Gives a finished attempt's bytes the image's name. `Ok` when they have it already.
    async fn publish(&self, image: ImageId, attempt: &str) -> Result<(), ImageStoreError>;

    /// Converts a published image to raw, once: the result has the attempt's name, durable and digested. `cap` is the largest disk
    /// that is converted. On an error nothing of the result is left. `NotFound` when the image is not there (any more).
    async fn make_raw(
        &self,
        image: ImageId,
        attempt: &str,
        cap: Bytes,
    ) -> Result<RawForm, ImageStoreError>;

    /// Gives what `make_raw` has made the place of the image's raw form. `Ok` when it is there already. `NotFound` when there is no image, or
    /// nothing to publish.
    async fn publish_raw(&self, image: ImageId, attempt: &str) -> Result<(), ImageStoreError>;

    /// Publishes by sharing: `what` gets the file of its twin, which is known to have the same bytes, `size` of them, and what came in under
    /// the attempt's name goes. `false`, and nothing is changed, where the twin's file is gone, has another length, owner or mode, or
    /// can be shared no further. `NotFound` for a raw form without its image.
    async fn share(
        &self,
        what: StoredBytes,
        attempt: &str,
        twin: StoredBytes,
        size: Bytes,
    ) -> Result<bool, ImageStoreError>;

    /// Reads the image's bytes from `offset`, `length` of them or to the end.
    async fn read(
        &self,
        image: ImageId,
        offset: u64,
        length: Option<u64>,
    ) -> Result<BoxStream<'static, std::io::Result<Chunk>>, ImageStoreError>;

    /// Removes the image's name and bytes, and those of its raw form. `Ok` when there are none.
    async fn delete(&self, image: ImageId) -> Result<(), ImageStoreError>;

    /// Removes the bytes of an attempt that will not be published. `Ok` when there are none.
    async fn discard(&self, attempt: &str) -> Result<(), ImageStoreError>;

    /// Images that have bytes, if only a raw form's, and attempts that have: for start-up's sweep.
    async fn list(&self) -> Result<(Vec<ImageId>, Vec<String>), ImageStoreError>;

    /// Bytes that were deleted and that others still need may stay for as long: removes those that nobody needs any more, and gives the
    /// names of those that stay. A store in which nothing needs anything has none.
    async fn finish_removals(&self) -> Result<Vec<String>, ImageStoreError> {
        Ok(Vec::new())
    }
}
