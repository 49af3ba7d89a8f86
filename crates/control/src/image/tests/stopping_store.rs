//! A store of bytes that stops at its n-th step: there the caller is as good as dead, or gets an error.

use async_trait::async_trait;
use bytes::Bytes as Chunk;
use futures_util::stream::BoxStream;
use hatchery_model::id::ImageId;
use hatchery_model::image::{DiskFormat, ImageContent, RawForm};
use hatchery_model::units::Bytes;
use hatchery_ports::image_store::{ImageStore, ImageStoreError, ImageWriter, StoredBytes};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::Notify;

/// What happens at the step.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Stop {
    /// It is never begun, and the caller waits for ever.
    Before,
    /// It is done, and the caller waits for ever.
    After,
    /// It is not done, and the caller is told so.
    Fails,
    /// As `Fails`, for want of room.
    Full,
}

/// Counts steps, two a call: before and after it.
pub(super) struct Steps {
    left: AtomicUsize,
    stop: Stop,
    pub(super) reached: Notify,
}

impl Steps {
    async fn around<T>(
        &self,
        call: impl Future<Output = Result<T, ImageStoreError>> + Send,
    ) -> Result<T, ImageStoreError> {
        let here = self.left.fetch_sub(1, Ordering::SeqCst) == 0;
        match (here, self.stop) {
            (true, Stop::Before) => self.die().await,
            (true, Stop::After) => {
                call.await?;
                self.die().await
            }
            (true, Stop::Fails) => {
                self.reached.notify_one();
                Err(ImageStoreError::Unavailable {
                    doing: "go on".into(),
                    source: std::io::Error::other("the disk is gone"),
                })
            }
            (true, Stop::Full) => {
                self.reached.notify_one();
                Err(ImageStoreError::Exhausted("no room".into()))
            }
            (false, _) => call.await,
        }
    }

    async fn die<T>(&self) -> T {
        self.reached.notify_one();
        std::future::pending().await
    }
}

/// See the head of this file.
pub(super) struct Stopping<S> {
    inner: Arc<S>,
    pub(super) steps: Arc<Steps>,
}

impl<S> Stopping<S> {
    /// Stops at call number `at`, counted from 0.
    pub(super) fn at(inner: Arc<S>, at: usize, stop: Stop) -> Self {
        let steps = Steps { left: AtomicUsize::new(at), stop, reached: Notify::new() };
        Self { inner, steps: Arc::new(steps) }
    }

    /// Whether the call was reached.
    pub(super) fn was_reached(&self) -> bool {
        // The counter runs below zero, which is a large number.
        self.steps.left.load(Ordering::SeqCst) > usize::MAX / 2
    }
}

struct Writer {
    inner: Box<dyn ImageWriter>,
    steps: Arc<Steps>,
}

#[async_trait]
impl ImageWriter for Writer {
    async fn write(&mut self, chunk: Chunk) -> Result<(), ImageStoreError> {
        self.steps.around(self.inner.write(chunk)).await
    }

    async fn finish(self: Box<Self>) -> Result<ImageContent, ImageStoreError> {
        let Self { inner, steps } = *self;
        steps.around(inner.finish()).await
    }
}

#[async_trait]
impl<S: ImageStore> ImageStore for Stopping<S> {
    async fn begin(
        &self,
        image: ImageId,
        attempt: &str,
        declared: DiskFormat,
        cap: Bytes,
    ) -> Result<Box<dyn ImageWriter>, ImageStoreError> {
        let begin = self.inner.begin(image, attempt, declared, cap);
        let inner = self.steps.around(begin).await?;
        let steps = self.steps.clone();
        Ok(Box::new(Writer { inner, steps }))
    }

    async fn publish(&self, image: ImageId, attempt: &str) -> Result<(), ImageStoreError> {
        self.steps.around(self.inner.publish(image, attempt)).await
    }

    async fn make_raw(
        &self,
        image: ImageId,
        attempt: &str,
        cap: Bytes,
    ) -> Result<RawForm, ImageStoreError> {
        self.steps.around(self.inner.make_raw(image, attempt, cap)).await
    }

    async fn publish_raw(&self, image: ImageId, attempt: &str) -> Result<(), ImageStoreError> {
        self.steps.around(self.inner.publish_raw(image, attempt)).await
    }

    async fn share(
        &self,
        what: StoredBytes,
        attempt: &str,
        twin: StoredBytes,
        size: Bytes,
    ) -> Result<bool, ImageStoreError> {
        self.steps.around(self.inner.share(what, attempt, twin, size)).await
    }

    async fn read(
        &self,
        image: ImageId,
        offset: u64,
        length: Option<u64>,
    ) -> Result<BoxStream<'static, std::io::Result<Chunk>>, ImageStoreError> {
        self.steps.around(self.inner.read(image, offset, length)).await
    }

    async fn delete(&self, image: ImageId) -> Result<(), ImageStoreError> {
        self.steps.around(self.inner.delete(image)).await
    }

    async fn discard(&self, attempt: &str) -> Result<(), ImageStoreError> {
        self.steps.around(self.inner.discard(attempt)).await
    }

    async fn list(&self) -> Result<(Vec<ImageId>, Vec<String>), ImageStoreError> {
        self.steps.around(self.inner.list()).await
    }
}
