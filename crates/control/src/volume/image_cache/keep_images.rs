//! Images kept as volumes of the internal project, where an operator wants that of all of them (`[glance_store] stores` names `cinder`): each
//! active raw image is brought into one, on the backend that volumes of the named type go to. Volumes of the image are cloned of it from then on.

use super::owner;
use crate::error::Error;
use crate::volume::create_volume::prepare;
use crate::volume::request::{VolumeRequest, VolumeSource};
use crate::volume::send::Writing;
use crate::volume::settings::VolumeSettings;
use crate::workflow::Order;
use hatchery_model::caller::Caller;
use hatchery_model::generation::Generation;
use hatchery_model::id::ImageId;
use hatchery_model::image::{Image, ImageContent, ImageFormat};
use hatchery_model::page::Page;
use hatchery_model::volume::{ImageCacheEntry, ImageCacheState, VolumeQuota};
use hatchery_ports::store::{ImageFilter, UnitOfWork};
use std::collections::BTreeSet;

/// Ordered by one look, so that a thousand images are not copied at once. Those that cannot be kept take nobody's place.
const MOST: usize = 4;

/// Orders the volumes of images that have none. May be repeated.
pub(crate) async fn keep_images(
    uow: &mut dyn UnitOfWork,
    writing: Writing<'_>,
    settings: &VolumeSettings,
) -> Result<Vec<Order>, Error> {
    let Some(volume_type) = &settings.keeps_images_as else { return Ok(Vec::new()) };
    let entries = uow.image_cache().list(None).await?;
    let kept: BTreeSet<ImageId> =
        entries.iter().filter(|entry| entry.kept).map(|entry| entry.image).collect();
    let filter = ImageFilter { statuses: vec!["active"], ..ImageFilter::default() };
    let images = uow.images().list(&filter, &Page::default()).await?;
    let (mut orders, mut ordered) = (Vec::new(), 0);
    for image in images.iter().filter(|image| !kept.contains(&image.id)) {
        let raw = |content: &&ImageContent| content.inspection.format == ImageFormat::Raw;
        let Some(content) = image.content().filter(raw) else { continue };
        if let Some(more) = keep(uow, writing, settings, volume_type, (image, content)).await? {
            orders.extend(more);
            ordered += 1;
        }
        if ordered == MOST {
            break;
        }
    }
    Ok(orders)
}

/// `None`: it cannot be kept now.
async fn keep(
    uow: &mut dyn UnitOfWork,
    writing: Writing<'_>,
    settings: &VolumeSettings,
    volume_type: &str,
    (image, content): (&Image, &ImageContent),
) -> Result<Option<Vec<Order>>, Error> {
    let Some(tenant) = owner::find(uow).await? else { return Ok(None) };
    let request = VolumeRequest {
        name: Some(format!("image-{}", image.id)),
        size_gib: Some(content.size.to_gib_ceil().max(image.min_disk_gib).max(1)),
        source: VolumeSource::Image(image.id),
        volume_type: Some(volume_type.to_owned()).filter(|name| !name.is_empty()),
        ..VolumeRequest::default()
    };
    // The cloud's own volumes are in nobody's quota.
    let unbounded = VolumeQuota { volumes: -1, gigabytes: -1, ..VolumeQuota::default() };
    let settings = VolumeSettings { quota: unbounded, ..settings.clone() };
    let system = Caller::system(writing.request.clone());
    let by = (&Caller { user: tenant.user, ..system }, &tenant.project);
    let prepared = match prepare(uow, &settings, by, &request).await {
        Ok(prepared) => prepared,
        // Of this image or its type: the others are kept all the same.
        Err(error @ (Error::NotFound { .. } | Error::Invalid(_) | Error::Exhausted(_))) => {
            tracing::warn!(image.id = %image.id, volume_type, %error, "an image cannot be kept as a volume: see cinder_volume_type");
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    let hosts = uow.hosts().list().await?;
    let mut placed = match prepared.place(&hosts, None, &settings, writing.now) {
        Ok(placed) => placed,
        Err(refused) => {
            tracing::debug!(image.id = %image.id, ?refused, "no backend can keep an image as a volume now");
            return Ok(None);
        }
    };
    // It is no entry that others make room for.
    placed.cache = None;
    placed.holds_image = true;
    let backend = placed.backend.clone();
    let (volume, orders) = prepared.insert(uow, writing, &settings, by, placed).await?;
    let entry = ImageCacheEntry {
        volume: volume.id,
        generation: Generation::FIRST,
        backend,
        image: image.id,
        image_sha512: content.sha512.clone(),
        size_gib: volume.size_gib,
        state: ImageCacheState::Building,
        last_used_at: writing.now,
        kept: true,
    };
    tracing::info!(image.id = %image.id, volume.id = %volume.id, backend = %entry.backend, "an image is kept as a volume");
    uow.image_cache().insert(&entry).await?;
    Ok(Some(orders))
}
