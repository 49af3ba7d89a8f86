//! Gives images their raw forms that were taken in before the operator wanted any: one at a time, in the background, after a start.
//!
//! Until an image's turn has come, the planner refuses it and says why. Nothing on the path of a request waits for this.

use crate::error::Error;
use crate::image::{UploadRefusal, attempt_of, is_missing, make_raw_form};
use hatchery_model::id::ImageId;
use hatchery_model::image::{Image, ImageState, RawForm};
use hatchery_model::page::Page;
use hatchery_model::units::Bytes;
use hatchery_ports::clock::Clock;
use hatchery_ports::entropy::Entropy;
use hatchery_ports::image_store::ImageStore;
use hatchery_ports::store::{ImageFilter, Store, StoreError};
use std::sync::Arc;
use std::time::Duration;

/// Until those are tried again that could not be converted.
const INTERVAL: Duration = Duration::from_secs(600);
/// So often a row is read again that somebody else has changed meanwhile.
const TRIES: u32 = 5;

/// See the head of this file.
pub struct MakeRawForms {
    /// The database.
    pub store: Arc<dyn Store>,
    /// The bytes.
    pub bytes: Arc<dyn ImageStore>,
    /// The largest disk that is converted.
    pub cap: Bytes,
    /// Time of day.
    pub clock: Arc<dyn Clock>,
    /// Names of attempts.
    pub entropy: Arc<dyn Entropy>,
}

/// What a look has come to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Made {
    /// Images that have a raw form now.
    pub converted: usize,
    /// Images that could not be converted; the log says why.
    pub failed: usize,
}

impl MakeRawForms {
    /// Looks until no image is left without a raw form that should have one. An upload from then on makes its own.
    pub async fn run(&self) {
        loop {
            match self.look().await {
                Ok(Made { failed: 0, .. }) => return,
                Ok(made) => {
                    tracing::warn!(?made, "some images have no raw form; they are tried again")
                }
                Err(error) => tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "looking for images without a raw form broke off; it is done again"
                ),
            }
            tokio::time::sleep(INTERVAL).await;
        }
    }

    /// Converts each image that has no raw form and needs one. May be repeated; a second look finds nothing.
    pub async fn look(&self) -> Result<Made, Error> {
        let mut uow = self.store.read().await?;
        let filter =
            ImageFilter { statuses: vec!["active", "deactivated"], ..ImageFilter::default() };
        let images = uow.images().list(&filter, &Page::default()).await?;
        drop(uow);
        let mut made = Made::default();
        for image in images.iter().filter(|image| image.content().is_some_and(is_missing)) {
            match self.convert(image).await {
                Ok(true) => made.converted += 1,
                Ok(false) => {}
                Err(error) => {
                    made.failed += 1;
                    tracing::warn!(
                        image.id = %image.id,
                        error = &error as &dyn std::error::Error,
                        "an image could not be converted to raw: servers cannot be made from it"
                    );
                }
            }
        }
        Ok(made)
    }

    /// Says whether the image has a raw form now; `false`: it is gone.
    async fn convert(&self, image: &Image) -> Result<bool, UploadRefusal> {
        let Some(content) = image.content() else {
            return Ok(false);
        };
        let attempt = attempt_of(image.id, &*self.entropy);
        let named = (image.id, attempt.as_str());
        let made = make_raw_form(&*self.store, &*self.bytes, self.cap, named, content).await;
        // What a failure has left under the attempt's name goes; after a success nothing has it.
        self.bytes.discard(&attempt).await.map_err(Error::from)?;
        match made {
            Ok(raw) => Ok(self.write_down(image.id, raw).await?),
            Err(error) => {
                let is_gone = self.find(image.id).await?.is_none_or(|row| row.content().is_none());
                if is_gone { Ok(false) } else { Err(error) }
            }
        }
    }

    async fn find(&self, id: ImageId) -> Result<Option<Image>, Error> {
        let mut uow = self.store.read().await?;
        Ok(uow.images().find(id).await?)
    }

    async fn write_down(&self, id: ImageId, raw: RawForm) -> Result<bool, Error> {
        let mut tries = 0;
        loop {
            let mut uow = self.store.begin().await?;
            let Some(mut image) = uow.images().find(id).await? else {
                return Ok(false);
            };
            match &mut image.state {
                ImageState::Active(content) | ImageState::Deactivated(content) => {
                    content.raw = Some(raw.clone());
                }
                ImageState::Queued
                | ImageState::Saving { .. }
                | ImageState::Arriving { .. }
                | ImageState::Deleting => {
                    return Ok(false);
                }
            }
            image.updated_at = self.clock.now();
            let written = uow.images().update(&image).await;
            tries += 1;
            match written {
                Err(StoreError::Conflict { .. }) if tries < TRIES => {}
                written => {
                    written?;
                    uow.commit().await?;
                    return Ok(true);
                }
            }
        }
    }
}
