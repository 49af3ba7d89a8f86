//! The plug: blocking work on the client's threads.

use super::upload::Upload;
use super::{INCOMING, rbd_name, read, verbs};
use crate::pool::is_plain_name;
use crate::rbd::{CephClient, CephConnection, CephError, CephSettings, RbdPool, Span};
use async_trait::async_trait;
use bytes::Bytes as Chunk;
use futures_util::stream::BoxStream;
use hatchery_model::id::ImageId;
use hatchery_model::image::{DiskFormat, RawForm};
use hatchery_model::units::Bytes;
use hatchery_ports::image_store::{ImageStore, ImageStoreError, ImageWriter, StoredBytes};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

/// A store's settings.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RbdImageStoreSettings {
    /// The cluster and its user.
    pub ceph: CephSettings,
    /// `rbd_store_pool`.
    pub pool: String,
    /// `rbd_store_chunk_size` as a power of two: 23 for objects of 8 MiB.
    pub object_order: u8,
    /// Where a qcow2 image is put for the time of its conversion.
    pub conversion_folder: PathBuf,
}

/// Images in Ceph; cheap to clone. Connects when first used.
#[derive(Clone)]
pub struct RbdImageStore {
    pub(super) settings: Arc<RbdImageStoreSettings>,
    pub(super) client: CephClient,
}

/// What a piece of work is given.
pub(super) struct Work<'a> {
    pub(super) settings: &'a RbdImageStoreSettings,
    pub(super) ceph: &'a CephConnection,
    pub(super) pool: RbdPool,
}

/// What the port says of Ceph's errors. What is not there is told apart where it is looked for.
pub(super) fn store_error(doing: &str, error: CephError) -> ImageStoreError {
    match error {
        CephError::Exhausted(_) => ImageStoreError::Exhausted(
            "the image store's pool is full: delete images that nobody needs, or ask the operator for room".to_owned(),
        ),
        error @ (CephError::NotFound(_)
        | CephError::Conflict { .. }
        | CephError::Invalid(_)
        | CephError::Denied(_)
        | CephError::Unsupported(_)
        | CephError::Canceled(_)
        | CephError::Unavailable { .. }) => {
            ImageStoreError::Unavailable { doing: doing.to_owned(), source: io::Error::from(error) }
        }
    }
}

/// The name that an attempt's bytes have.
pub(super) fn incoming(attempt: &str) -> Result<String, ImageStoreError> {
    // Ceph takes no longer names.
    if is_plain_name(attempt) && attempt.len() <= 80 {
        return Ok(format!("{INCOMING}{attempt}"));
    }
    Err(ImageStoreError::Invalid(format!(
        "{attempt:?} is not the name of an upload: letters, digits, '-', '_' and inner dots are allowed, at most 80"
    )))
}

impl RbdImageStore {
    /// Connects to nothing yet.
    pub fn new(settings: RbdImageStoreSettings) -> Self {
        let client = CephClient::of(settings.ceph.clone());
        Self { settings: Arc::new(settings), client }
    }

    /// Runs on a thread that may block.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        span: Span,
        doing: &'static str,
        work: impl FnOnce(&Work<'_>) -> Result<T, CephError> + Send + 'static,
    ) -> Result<T, ImageStoreError> {
        let settings = self.settings.clone();
        let done = self.client.run(span, move |ceph| {
            let pool = ceph.pool(&settings.pool)?;
            work(&Work { settings: &settings, ceph, pool })
        });
        done.await.map_err(|error| store_error(doing, error))
    }
}

#[async_trait]
impl ImageStore for RbdImageStore {
    async fn begin(
        &self,
        image: ImageId,
        attempt: &str,
        declared: DiskFormat,
        cap: Bytes,
    ) -> Result<Box<dyn ImageWriter>, ImageStoreError> {
        let name = incoming(attempt)?;
        Ok(Box::new(Upload::begin(self.clone(), image, name, declared, cap).await?))
    }

    async fn publish(&self, image: ImageId, attempt: &str) -> Result<(), ImageStoreError> {
        let (from, to) = (incoming(attempt)?, rbd_name(image, false));
        let there = self.run(Span::Short, "publish an image", move |work| {
            verbs::rename_into_place(work, &from, &to)
        });
        there.await?.then_some(()).ok_or(ImageStoreError::NotFound(image))
    }

    async fn make_raw(
        &self,
        image: ImageId,
        attempt: &str,
        cap: Bytes,
    ) -> Result<RawForm, ImageStoreError> {
        let name = incoming(attempt)?;
        self.run(Span::Long, "convert an image to raw", move |work| {
            Ok(verbs::make_raw(work, image, &name, cap))
        })
        .await?
    }

    async fn publish_raw(&self, image: ImageId, attempt: &str) -> Result<(), ImageStoreError> {
        let (from, to) = (incoming(attempt)?, rbd_name(image, true));
        let there = self.run(Span::Short, "publish a raw form", move |work| {
            Ok(work.pool.find(&rbd_name(image, false))?.is_some()
                && verbs::rename_into_place(work, &from, &to)?)
        });
        there.await?.then_some(()).ok_or(ImageStoreError::NotFound(image))
    }

    async fn share(
        &self,
        what: StoredBytes,
        attempt: &str,
        twin: StoredBytes,
        size: Bytes,
    ) -> Result<bool, ImageStoreError> {
        let name = incoming(attempt)?;
        let shared = self.run(Span::Short, "share an image's bytes", move |work| {
            verbs::share(work, what, &name, twin, size)
        });
        match (shared.await?, what) {
            (Some(shared), _) => Ok(shared),
            (None, StoredBytes::Image(image) | StoredBytes::RawForm(image)) => {
                Err(ImageStoreError::NotFound(image))
            }
        }
    }

    async fn read(
        &self,
        image: ImageId,
        offset: u64,
        length: Option<u64>,
    ) -> Result<BoxStream<'static, io::Result<Chunk>>, ImageStoreError> {
        let opened = self.run(Span::Short, "read an image", move |work| {
            let name = rbd_name(image, false);
            match work.pool.open_to_read(&name, Some(super::RBD_SNAPSHOT)) {
                Err(error) if error.is_not_found() => Ok(None),
                opened => opened.map(Some),
            }
        });
        let opened = opened.await?.ok_or(ImageStoreError::NotFound(image))?;
        let size = opened.size().map_err(|error| store_error("read an image", error))?;
        Ok(read::stream(self.client.clone(), opened, offset, length, size))
    }

    async fn delete(&self, image: ImageId) -> Result<(), ImageStoreError> {
        self.run(Span::Long, "delete an image", move |work| {
            // The image first: without it nobody gives a raw form its name.
            verbs::delete(work, &rbd_name(image, false))?;
            verbs::delete(work, &rbd_name(image, true))
        })
        .await
    }

    async fn discard(&self, attempt: &str) -> Result<(), ImageStoreError> {
        let name = incoming(attempt)?;
        self.run(Span::Long, "discard an upload", move |work| verbs::delete(work, &name)).await
    }

    async fn list(&self) -> Result<(Vec<ImageId>, Vec<String>), ImageStoreError> {
        self.run(Span::Long, "list the images", verbs::list).await
    }

    async fn finish_removals(&self) -> Result<Vec<String>, ImageStoreError> {
        self.run(Span::Long, "finish removals", verbs::finish_removals).await
    }
}
