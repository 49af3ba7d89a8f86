//! The step after an agent has brought an image's bytes: they get the image's name and, where that is wanted, their raw form; then the image is
//! active. May be repeated at any point.

use super::arriving::{given_up, waits_for};
use super::upload_image::{UploadLimits, UploadRefusal, seal};
use crate::error::Error;
use crate::pool::BaseLinks;
use crate::volume::send::Writing;
use crate::workflow::{Step, Wake};
use async_trait::async_trait;
use hatchery_model::id::ImageId;
use hatchery_model::image::{Image, ImageContent, ImageState};
use hatchery_model::task::{Task, Work};
use hatchery_ports::clock::Clock;
use hatchery_ports::entropy::Entropy;
use hatchery_ports::image_store::ImageStore;
use hatchery_ports::store::Store;
use std::sync::Arc;

/// See the head of this file.
pub struct SealImage {
    /// The database.
    pub store: Arc<dyn Store>,
    /// The bytes.
    pub bytes: Arc<dyn ImageStore>,
    /// Time of day.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
    /// Wakes the task runner.
    pub tasks: Wake,
    /// The images' bases.
    pub links: BaseLinks,
    /// What an image may take.
    pub limits: UploadLimits,
}

#[async_trait]
impl Step for SealImage {
    async fn run(&self, task: &Task) -> Result<(), Error> {
        match &task.work {
            Work::SealImage(id) => self.seal(*id, task).await,
            Work::DiscardUpload(id, upload) => {
                let waited_for =
                    self.find(*id).await?.is_some_and(|row| waits_for(&row.state, upload));
                if !waited_for {
                    self.bytes.discard(upload).await?;
                }
                self.end(task).await
            }
            Work::BuildServer(_) | Work::DeleteServer(_) | Work::DeleteImage(_) => Ok(()),
        }
    }
}

impl SealImage {
    async fn find(&self, id: ImageId) -> Result<Option<Image>, Error> {
        let mut uow = self.store.read().await?;
        Ok(uow.images().find(id).await?)
    }

    async fn end(&self, task: &Task) -> Result<(), Error> {
        let mut uow = self.store.begin().await?;
        uow.tasks().delete_by_work(&task.work).await?;
        Ok(uow.commit().await?)
    }

    async fn seal(&self, id: ImageId, task: &Task) -> Result<(), Error> {
        let Some(image) = self.find(id).await? else { return self.end(task).await };
        if let ImageState::Arriving { upload, content: Some(content) } = &image.state {
            self.publish(id, upload, content, task).await?;
        }
        // Also when it was made active by a run that was cut off right afterwards.
        if let Some(image) = self.find(id).await?.filter(|image| image.content().is_some()) {
            self.links.activated(&image).await;
        }
        self.end(task).await
    }

    async fn publish(
        &self,
        id: ImageId,
        upload: &str,
        content: &ImageContent,
        task: &Task,
    ) -> Result<(), Error> {
        let named = (id, self.limits);
        let sealed =
            seal(&*self.store, &*self.bytes, &*self.clock, named, upload, content.clone()).await;
        let why = match sealed {
            Ok(()) => return Ok(()),
            Err(UploadRefusal::Other(error)) if !matches!(error, Error::NotFound { .. }) => {
                return Err(error);
            }
            Err(refusal) => refusal,
        };
        tracing::warn!(image.id = %id, error = &why as &dyn std::error::Error, "what an agent has brought cannot be an image");
        self.bytes.discard(upload).await?;
        let mut uow = self.store.begin().await?;
        let now = self.clock.now();
        let writing = Writing { entropy: &*self.entropy, now, request: &task.request };
        given_up(&mut *uow, writing, id).await?;
        uow.commit().await?;
        self.tasks.wake();
        Ok(())
    }
}
