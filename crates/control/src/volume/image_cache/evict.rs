//! Entries that leave, and those that wait for that.

use crate::error::Error;
use crate::volume::delete_volume::begin_delete;
use crate::volume::send::{self, Writing};
use crate::volume::waiting::snapshots_of;
use crate::workflow::Order;
use hatchery_model::id::VolumeId;
use hatchery_model::volume::{
    BackendName, BackendReport, ImageCacheBounds, ImageCacheEntry, ImageCacheState, VolumeSubject,
};
use hatchery_ports::store::UnitOfWork;

/// Stores an entry that was read in this transaction, and keeps the copy fit to be stored again.
pub(super) async fn keep(
    uow: &mut dyn UnitOfWork,
    entry: &mut ImageCacheEntry,
) -> Result<(), Error> {
    uow.image_cache().update(entry).await?;
    entry.generation = entry.generation.next();
    Ok(())
}

/// Whether the volume is an entry of its backend's cache.
pub(in crate::volume) async fn has(
    uow: &mut dyn UnitOfWork,
    volume: VolumeId,
) -> Result<bool, Error> {
    Ok(uow.image_cache().find(volume).await?.is_some())
}

/// A volume's removal has been promised: if it is an entry's, nothing more is made of it.
pub(in crate::volume) async fn leaves(
    uow: &mut dyn UnitOfWork,
    volume: VolumeId,
) -> Result<(), Error> {
    if let Some(mut entry) = uow.image_cache().find(volume).await?
        && entry.serves()
    {
        entry.state = ImageCacheState::Leaving;
        keep(uow, &mut entry).await?;
    }
    Ok(())
}

/// Has an entry leave. What is just being made of it is made first.
pub(super) async fn evict(
    uow: &mut dyn UnitOfWork,
    writing: Writing<'_>,
    mut entry: ImageCacheEntry,
    why: &str,
) -> Result<Vec<Order>, Error> {
    tracing::info!(image.id = %entry.image, volume.id = %entry.volume, backend = %entry.backend, why, "an image leaves a backend's cache");
    let Some(volume) = uow.volumes().find(entry.volume).await? else {
        uow.image_cache().delete(entry.volume).await?;
        return Ok(Vec::new());
    };
    if entry.serves() {
        entry.state = ImageCacheState::Leaving;
        keep(uow, &mut entry).await?;
    }
    // What an administrator does with it goes before.
    if !volume.state.may_be_deleted() || !snapshots_of(uow, volume.id).await?.is_empty() {
        return Ok(Vec::new());
    }
    begin_delete(uow, writing, volume).await
}

/// Orders the volumes of the backend's entries that have waited for others to be gone, as far as the bounds allow it now.
pub(super) async fn admit(
    uow: &mut dyn UnitOfWork,
    writing: Writing<'_>,
    (backend, bounds): (&BackendName, ImageCacheBounds),
) -> Result<Vec<Order>, Error> {
    let mut all = uow.image_cache().list(Some(backend)).await?;
    let mut orders = Vec::new();
    for index in 0..all.len() {
        let mut entry = all[index].clone();
        let ImageCacheState::Waiting(volume) = &entry.state else { continue };
        if !bounds.admit(&all, &entry) {
            continue;
        }
        let mut volume = volume.as_ref().clone();
        volume.state = volume.state.sent_again(writing.now);
        uow.volumes().insert(&volume).await?;
        entry.state = ImageCacheState::Building;
        keep(uow, &mut entry).await?;
        if let Some(ordered) = volume.state.ordered() {
            let subject = VolumeSubject::Volume(volume.id);
            orders.push(send::send(uow, writing, backend, subject, ordered).await?);
        }
        all[index] = entry;
    }
    Ok(orders)
}

/// What the backend's agent says of its cache. One that has none any more takes nothing in.
pub(super) async fn bounds_of(
    uow: &mut dyn UnitOfWork,
    backend: &BackendName,
) -> Result<Option<ImageCacheBounds>, Error> {
    Ok(report_of(uow, backend).await?.and_then(|report| report.image_cache))
}

/// What the backend's agent said of it last.
pub(in crate::volume) async fn report_of(
    uow: &mut dyn UnitOfWork,
    backend: &BackendName,
) -> Result<Option<BackendReport>, Error> {
    let hosts = uow.hosts().list().await?;
    let is_it =
        |report: &BackendReport| report.backend == backend.backend && report.pool == backend.pool;
    let host = hosts.into_iter().find(|host| host.name == backend.host);
    Ok(host.and_then(|host| host.backends.into_iter().find(is_it)))
}
