//! Puts images right when the control plane starts: nobody is uploading then.

use super::upload_image::requeue;
use crate::error::Error;
use hatchery_model::image::{Image, ImageState};
use hatchery_model::page::Page;
use hatchery_model::timestamp::Timestamp;
use hatchery_ports::image_store::ImageStore;
use hatchery_ports::store::{ImageFilter, Store};
use std::collections::BTreeSet;

/// What a recovery found.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Recovered {
    /// Images that were being uploaded, and are queued again.
    pub requeued: usize,
    /// Attempts whose bytes were removed.
    pub discarded: usize,
    /// Published bytes that no active image has, removed.
    pub removed: usize,
}

/// Makes rows and bytes agree. Only at start-up, before uploads are taken: every image that is `Saving` is queued again, every attempt's bytes
/// go but those that agents bring, and bytes that are published but belong to no image that is active (or going, by its task) go too. May be repeated.
pub async fn recover(
    store: &dyn Store,
    bytes: &dyn ImageStore,
    now: Timestamp,
) -> Result<Recovered, Error> {
    let mut done = Recovered::default();
    let mut arriving = BTreeSet::new();
    for image in saving(store).await? {
        match image.state {
            ImageState::Saving { upload, .. } => {
                requeue(store, now, image.id, &upload).await?;
                done.requeued += 1;
            }
            ImageState::Arriving { upload, .. } => {
                arriving.insert(upload);
            }
            ImageState::Queued
            | ImageState::Active(_)
            | ImageState::Deactivated(_)
            | ImageState::Deleting => {}
        }
    }
    let (published, attempts) = bytes.list().await?;
    for attempt in attempts.into_iter().filter(|name| !arriving.contains(name)) {
        bytes.discard(&attempt).await?;
        done.discarded += 1;
    }
    for id in published {
        let mut uow = store.read().await?;
        let row = uow.images().find(id).await?;
        drop(uow);
        let wanted = row.is_some_and(|image| match image.state {
            ImageState::Active(_)
            | ImageState::Deactivated(_)
            | ImageState::Deleting
            // Published by a step that was cut off, which goes on.
            | ImageState::Arriving { .. } => true,
            ImageState::Queued | ImageState::Saving { .. } => false,
        });
        if !wanted {
            bytes.delete(id).await?;
            done.removed += 1;
        }
    }
    Ok(done)
}

async fn saving(store: &dyn Store) -> Result<Vec<Image>, Error> {
    let mut uow = store.read().await?;
    let filter = ImageFilter { statuses: vec!["saving"], ..ImageFilter::default() };
    Ok(uow.images().list(&filter, &Page::default()).await?)
}
