//! All use cases of images, joined with the ports that they use.

use super::access::seen;
use super::change::Change;
use super::create_image::create_image;
use super::delete_image::delete_image;
use super::download_image::open_image;
use super::finish_delete::{DeleteGround, finish_delete};
use super::list_images::{ImageQuery, list_images};
use super::set_active::set_active;
use super::update_image::update_image;
use super::upload_image::{Upload, UploadBody, UploadLimits, UploadRefusal, upload_image};
use crate::error::Error;
use crate::pool::BaseLinks;
use crate::workflow::Wake;
use bytes::Bytes as Chunk;
use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use hatchery_model::caller::Caller;
use hatchery_model::id::ImageId;
use hatchery_model::image::Image;
use hatchery_model::live::TransferKind;
use hatchery_model::page::Page;
use hatchery_model::units::Bytes;
use hatchery_ports::clock::Clock;
use hatchery_ports::entropy::{Entropy, random_uuid};
use hatchery_ports::image_store::ImageStore;
use hatchery_ports::store::Store;
use hatchery_ports::transfers::{NewTransfer, Transfers};
use std::sync::Arc;

/// What the use cases of images stand on.
#[derive(Clone)]
pub struct ImagePorts {
    /// The database.
    pub store: Arc<dyn Store>,
    /// The bytes.
    pub bytes: Arc<dyn ImageStore>,
    /// Time of day.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
    /// Wakes whoever sends the outbox.
    pub outbox: Wake,
    /// What is moving.
    pub transfers: Arc<dyn Transfers>,
    /// The images' bases.
    pub links: BaseLinks,
    /// What one upload may take.
    pub limits: UploadLimits,
}

impl ImagePorts {
    /// Gives an image that has just become active its names as a base, before anybody is told.
    async fn link_now(&self, id: ImageId) {
        let found = async {
            let mut uow = self.store.read().await?;
            uow.images().find(id).await
        };
        match found.await {
            Ok(Some(image)) => self.links.activated(&image).await,
            Ok(None) => {}
            Err(error) => {
                tracing::warn!(image.id = %id, error = &error as &dyn std::error::Error, "an image is linked later");
            }
        }
    }
}

/// One method a verb.
#[derive(Clone)]
pub struct ImageVerbs(ImagePorts);

impl ImageVerbs {
    /// Joins verbs and ports.
    pub fn new(ports: ImagePorts) -> Self {
        Self(ports)
    }

    /// A queued image; without an id it gets one.
    pub async fn create(
        &self,
        caller: &Caller,
        id: Option<ImageId>,
        changes: Vec<Change>,
    ) -> Result<Image, Error> {
        let id = id.unwrap_or_else(|| ImageId(random_uuid(&*self.0.entropy)));
        create_image(&*self.0.store, self.0.clock.now(), caller, id, changes).await
    }

    /// A page of images.
    pub async fn list(
        &self,
        caller: &Caller,
        query: &ImageQuery,
        page: &Page,
    ) -> Result<Vec<Image>, Error> {
        list_images(&*self.0.store, caller, query, page).await
    }

    /// One image.
    pub async fn show(&self, caller: &Caller, id: ImageId) -> Result<Image, Error> {
        let mut uow = self.0.store.read().await?;
        seen(&mut *uow, caller, id).await
    }

    /// Sets what is written on an image.
    pub async fn update(
        &self,
        caller: &Caller,
        id: ImageId,
        changes: Vec<Change>,
    ) -> Result<Image, Error> {
        update_image(&*self.0.store, self.0.clock.now(), caller, id, changes).await
    }

    /// Deactivates (`false`) or reactivates (`true`).
    pub async fn set_active(&self, caller: &Caller, id: ImageId, on: bool) -> Result<(), Error> {
        set_active(&*self.0.store, self.0.clock.now(), caller, id, on).await
    }

    /// Deletes. `Ok` means promised and, unless the bytes resist, done. The caller of this may go away meanwhile.
    pub async fn delete(&self, caller: &Caller, id: ImageId) -> Result<(), Error> {
        let ports = &self.0;
        let now = ports.clock.now();
        delete_image(&*ports.store, &*ports.entropy, now, caller, id).await?;
        let ports = ports.clone();
        let request = caller.request.clone();
        let finishing = tokio::spawn(async move {
            let ground = DeleteGround {
                store: &*ports.store,
                bytes: &*ports.bytes,
                entropy: &*ports.entropy,
                links: &ports.links,
            };
            let done = finish_delete(ground, now, id, &request).await;
            match done {
                Ok(()) => ports.outbox.wake(),
                Err(error) => tracing::warn!(
                    image.id = %id,
                    error = &error as &dyn std::error::Error,
                    "an image's deletion is left to its task"
                ),
            }
        });
        if let Err(error) = finishing.await {
            tracing::error!(image.id = %id, %error, "an image's deletion is left to its task");
        }
        Ok(())
    }

    /// Takes an image's bytes. Goes on to its end when the caller of this goes away: an upload that breaks off is
    /// cleaned up.
    pub async fn upload(
        &self,
        caller: &Caller,
        image: ImageId,
        size: Option<u64>,
        body: UploadBody,
    ) -> Result<(), UploadRefusal> {
        let ports = self.0.clone();
        let caller = caller.clone();
        let upload = Upload { image, size, limits: ports.limits, body };
        let running = tokio::spawn(async move {
            let done = upload_image(
                &*ports.store,
                &*ports.bytes,
                &*ports.clock,
                &*ports.entropy,
                &*ports.transfers,
                &caller,
                upload,
            )
            .await;
            if done.is_ok() {
                ports.link_now(image).await;
            }
            done
        });
        running.await.unwrap_or_else(|error| {
            Err(UploadRefusal::Other(Error::Internal { source: Box::new(error) }))
        })
    }

    /// The image whose bytes the caller may read.
    pub async fn open(&self, caller: &Caller, id: ImageId) -> Result<Image, Error> {
        open_image(&*self.0.store, caller, id).await
    }

    /// Bytes of an image that [`Self::open`] gave.
    pub async fn read(
        &self,
        image: &Image,
        offset: u64,
        length: u64,
    ) -> Result<BoxStream<'static, std::io::Result<Chunk>>, Error> {
        if length == 0 {
            return Ok(stream::empty().boxed());
        }
        let bytes = self.0.bytes.read(image.id, offset, Some(length)).await?;
        let moving = self.0.transfers.begin(NewTransfer {
            kind: TransferKind::Download,
            what: image.name.clone().unwrap_or_else(|| image.id.to_string()),
            image: Some(image.id),
            total: Some(Bytes(length)),
        });
        // The transfer ends with the last byte, not with the connection; the reader that goes away drops both.
        let (mut moving, mut left) = (Some(moving), length);
        Ok(bytes
            .inspect(move |chunk| {
                let Ok(chunk) = chunk else { return };
                left = left.saturating_sub(chunk.len() as u64);
                if let Some(moving) = &moving {
                    moving.add(chunk.len() as u64);
                }
                if left == 0
                    && let Some(moving) = moving.take()
                {
                    moving.done();
                }
            })
            .boxed())
    }
}
