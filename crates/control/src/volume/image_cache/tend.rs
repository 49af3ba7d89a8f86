//! Puts right what no answer does: rows that an administrator has changed by hand, removals that could not be done at the time.

use super::answered::send_waiters;
use super::evict::{admit, bounds_of, evict, keep};
use crate::error::Error;
use crate::volume::send::Writing;
use crate::workflow::Order;
use hatchery_model::image::ImageState;
use hatchery_model::timestamp::Timestamp;
use hatchery_model::volume::{ImageCacheEntry, ImageCacheState, VolumeState};
use hatchery_ports::store::UnitOfWork;

/// Looks at every entry. `before`: what has rested since then is tried again.
pub(crate) async fn tend(
    uow: &mut dyn UnitOfWork,
    writing: Writing<'_>,
    before: Timestamp,
) -> Result<Vec<Order>, Error> {
    let mut orders = Vec::new();
    for entry in uow.image_cache().list(None).await? {
        orders.extend(tend_one(uow, writing, entry, before).await?);
    }
    Ok(orders)
}

async fn tend_one(
    uow: &mut dyn UnitOfWork,
    writing: Writing<'_>,
    mut entry: ImageCacheEntry,
    before: Timestamp,
) -> Result<Vec<Order>, Error> {
    let volume = uow.volumes().find(entry.volume).await?;
    if let ImageCacheState::Waiting(_) = entry.state {
        let bounds = bounds_of(uow, &entry.backend).await?;
        return match bounds {
            Some(bounds) => admit(uow, writing, (&entry.backend, bounds)).await,
            None => {
                uow.image_cache().delete(entry.volume).await?;
                send_waiters(uow, writing, entry.volume).await
            }
        };
    }
    let Some(volume) = volume else {
        uow.image_cache().delete(entry.volume).await?;
        return send_waiters(uow, writing, entry.volume).await;
    };
    if entry.kept && entry.serves() && !has_its_image(uow, &entry).await? {
        return evict(uow, writing, entry, "its image is gone").await;
    }
    let rests = volume.state.may_be_deleted() && volume.updated_at < before;
    if !entry.serves() {
        return match rests {
            true => evict(uow, writing, entry, "its removal is tried again").await,
            false => Ok(Vec::new()),
        };
    }
    let is_there = volume.state == VolumeState::Available;
    if rests && !is_there {
        let id = entry.volume;
        let mut orders = evict(uow, writing, entry, "its volume has failed").await?;
        orders.extend(send_waiters(uow, writing, id).await?);
        return Ok(orders);
    }
    if is_there && entry.state == ImageCacheState::Building {
        entry.state = ImageCacheState::Ready;
        keep(uow, &mut entry).await?;
        return send_waiters(uow, writing, entry.volume).await;
    }
    Ok(Vec::new())
}

async fn has_its_image(uow: &mut dyn UnitOfWork, entry: &ImageCacheEntry) -> Result<bool, Error> {
    let image = uow.images().find(entry.image).await?;
    Ok(image.is_some_and(|image| image.state != ImageState::Deleting))
}
