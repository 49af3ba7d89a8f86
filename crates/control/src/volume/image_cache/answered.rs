//! What the answers to orders mean for the cache.

use super::evict::{admit, bounds_of, evict, keep};
use super::serve::{cloned, download_instead};
use crate::error::Error;
use crate::volume::answer::{self, Ground};
use crate::volume::send::Writing;
use crate::volume::waiting;
use crate::workflow::Order;
use hatchery_model::id::VolumeId;
use hatchery_model::page::Page;
use hatchery_model::provision::Rung;
use hatchery_model::units::Bytes;
use hatchery_model::volume::{ImageCacheState, Volume};
use hatchery_ports::measure::record_cache_eviction;
use hatchery_ports::store::{UnitOfWork, VolumeFilter};

/// The volumes that are being made as clones of an entry's.
async fn waiters(uow: &mut dyn UnitOfWork, entry: VolumeId) -> Result<Vec<Volume>, Error> {
    let filter = VolumeFilter { statuses: vec!["creating".into()], ..VolumeFilter::default() };
    let mut creating = uow.volumes().list(&filter, &Page::default()).await?;
    creating.retain(|volume| cloned(volume).is_some_and(|(_, of)| of == entry));
    // The first come first.
    creating.sort_by_key(|volume| (volume.created_at, volume.id));
    Ok(creating)
}

/// A volume is there: if it is an entry's, all that have waited for it are ordered.
pub(in crate::volume) async fn built(
    uow: &mut dyn UnitOfWork,
    writing: Writing<'_>,
    volume: VolumeId,
) -> Result<Vec<Order>, Error> {
    let Some(mut entry) = uow.image_cache().find(volume).await? else { return Ok(Vec::new()) };
    if entry.state == ImageCacheState::Building {
        entry.state = ImageCacheState::Ready;
        keep(uow, &mut entry).await?;
    }
    send_waiters(uow, writing, volume).await
}

pub(super) async fn send_waiters(
    uow: &mut dyn UnitOfWork,
    writing: Writing<'_>,
    entry: VolumeId,
) -> Result<Vec<Order>, Error> {
    let mut orders = Vec::new();
    for waiter in waiters(uow, entry).await? {
        orders.extend(waiting::send_volume(uow, writing, &waiter).await?);
    }
    Ok(orders)
}

/// A volume could not be made: if it is an entry's, it leaves, and those that have waited for it fail for the same reason. They would have failed
/// for it without the cache, too.
pub(in crate::volume) async fn not_built(
    uow: &mut dyn UnitOfWork,
    ground: Ground<'_>,
    volume: VolumeId,
    message: &str,
) -> Result<Vec<Order>, Error> {
    let Some(entry) = uow.image_cache().find(volume).await? else { return Ok(Vec::new()) };
    let waiters = waiters(uow, volume).await?;
    let mut orders = Vec::new();
    for waiter in waiters {
        let failing = answer::failed(uow, ground, waiter, message);
        orders.extend(Box::pin(failing).await?);
    }
    orders.extend(evict(uow, ground.writing, entry, "it could not be brought in").await?);
    Ok(orders)
}

/// Nothing is left of a volume: if it was an entry's, its place is free.
pub(in crate::volume) async fn gone(
    uow: &mut dyn UnitOfWork,
    writing: Writing<'_>,
    volume: VolumeId,
) -> Result<Vec<Order>, Error> {
    let Some(entry) = uow.image_cache().find(volume).await? else { return Ok(Vec::new()) };
    uow.image_cache().delete(volume).await?;
    if !entry.kept {
        record_cache_eviction();
    }
    let mut orders = send_waiters(uow, writing, volume).await?;
    if let Some(bounds) = bounds_of(uow, &entry.backend).await? {
        orders.extend(admit(uow, writing, (&entry.backend, bounds)).await?);
    }
    Ok(orders)
}

/// A volume could not be removed: if it is an entry's, whatever waits for its place waits no longer. Its removal is ordered again later.
pub(in crate::volume) async fn not_gone(
    uow: &mut dyn UnitOfWork,
    writing: Writing<'_>,
    volume: VolumeId,
) -> Result<Vec<Order>, Error> {
    let Some(entry) = uow.image_cache().find(volume).await? else { return Ok(Vec::new()) };
    let mut orders = Vec::new();
    for waiting in uow.image_cache().list(Some(&entry.backend)).await? {
        if matches!(waiting.state, ImageCacheState::Waiting(_)) {
            uow.image_cache().delete(waiting.volume).await?;
            orders.extend(send_waiters(uow, writing, waiting.volume).await?);
        }
    }
    Ok(orders)
}

/// A volume could not be made: if it was to be cloned of an entry's, that one leaves, and the image is copied into the volume instead. `None`: it
/// was to be made otherwise.
pub(in crate::volume) async fn clone_failed(
    uow: &mut dyn UnitOfWork,
    writing: Writing<'_>,
    volume: &Volume,
    message: &str,
) -> Result<Option<Vec<Order>>, Error> {
    let Some((_, of)) = cloned(volume) else { return Ok(None) };
    let Some(entry) = uow.image_cache().find(of).await? else { return Ok(None) };
    let why = format!("the cached volume could not be cloned: {message}");
    let mut orders: Vec<Order> =
        download_instead(uow, writing, volume.clone(), &why).await?.into_iter().collect();
    if !entry.kept {
        orders.extend(evict(uow, writing, entry, &why).await?);
    }
    Ok(Some(orders))
}

/// Bytes and milliseconds that bringing an image into the cache has taken, for the volume for which that was done.
pub(in crate::volume) async fn cost_of_filling(
    uow: &mut dyn UnitOfWork,
    volume: &Volume,
) -> Result<(Bytes, u64), Error> {
    let Some((plan, of)) = cloned(volume) else { return Ok((Bytes(0), 0)) };
    if plan.rung != Rung::DownloadAndConvert {
        return Ok((Bytes(0), 0));
    }
    let way = uow.volumes().find(of).await?.and_then(|volume| volume.way);
    Ok(way.map_or((Bytes(0), 0), |way| {
        (way.bytes_copied.unwrap_or_default(), way.took_ms.unwrap_or_default())
    }))
}
