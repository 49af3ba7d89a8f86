//! The volume that keeps an image's bytes beside the image: a clone of the volume that the image was made of.
//!
//! It is made within the order that brings the image its bytes, while nobody can change the volume, and stands in that order until the answer
//! says that it is there. Then it has a row of the internal project and an entry like those of the cache, that stands as long as the image does.

use super::evict::report_of;
use super::owner::{self, InternalTenant};
use crate::error::Error;
use crate::volume::delete_volume::begin_delete;
use crate::volume::send::Writing;
use crate::workflow::Order;
use hatchery_model::disk::BlockSource;
use hatchery_model::generation::Generation;
use hatchery_model::id::{ImageId, VolumeId};
use hatchery_model::image::DiskFormat;
use hatchery_model::units::Bytes;
use hatchery_model::volume::{
    ImageCacheEntry, ImageCacheState, NewVolume, Volume, VolumeContent, VolumeOutcome, VolumeState,
    VolumeWork,
};
use hatchery_ports::entropy::random_uuid;
use hatchery_ports::store::UnitOfWork;
use std::collections::BTreeMap;

/// The volume that is to be made beside an image of this one; `None` where its backend keeps none, or what is in the volume changes meanwhile.
pub(in crate::volume) async fn beside(
    uow: &mut dyn UnitOfWork,
    writing: Writing<'_>,
    volume: &Volume,
    (format, attached): (DiskFormat, bool),
) -> Result<Option<Box<NewVolume>>, Error> {
    let Some(backend) = volume.backend.as_ref().filter(|_| format == DiskFormat::Raw && !attached)
    else {
        return Ok(None);
    };
    let keeps = report_of(uow, backend).await?.is_some_and(|report| report.image_volumes);
    if !keeps || owner::find(uow).await?.is_none() {
        return Ok(None);
    }
    Ok(Some(Box::new(NewVolume {
        volume: VolumeId(random_uuid(writing.entropy)),
        size: Bytes::from_gib(volume.size_gib),
        content: VolumeContent::Volume(volume.id),
        holds_image: true,
    })))
}

/// The image and the volume beside it of an upload that was ordered.
fn ordered(state: &VolumeState) -> Option<(ImageId, VolumeId)> {
    let order = state.ordered()?;
    let VolumeWork::UploadToImage(_, wanted) = order.work.as_ref() else { return None };
    wanted.image_volume.as_ref().map(|new| (wanted.image, new.volume))
}

/// The upload has ended well: the image's volume gets its row and its entry, or goes where it could not be made.
pub(in crate::volume) async fn made(
    uow: &mut dyn UnitOfWork,
    writing: Writing<'_>,
    (volume, before): (&Volume, &VolumeState),
    outcome: &VolumeOutcome,
) -> Result<Vec<Order>, Error> {
    let VolumeOutcome::Uploaded { content, image_volume, .. } = outcome else {
        return Ok(Vec::new());
    };
    let Some(source) = image_volume else { return not_made(uow, writing, volume, before).await };
    let Some((image, id)) = ordered(before) else { return Ok(Vec::new()) };
    let (Some(backend), Some(tenant)) = (volume.backend.clone(), owner::find(uow).await?) else {
        return not_made(uow, writing, volume, before).await;
    };
    let row = row(volume, id, (tenant, image), Some(source.clone()), writing);
    uow.volumes().insert(&row).await?;
    let entry = ImageCacheEntry {
        volume: id,
        generation: Generation::FIRST,
        backend,
        image,
        image_sha512: content.sha512.clone(),
        size_gib: volume.size_gib,
        state: ImageCacheState::Ready,
        last_used_at: writing.now,
        kept: true,
    };
    uow.image_cache().insert(&entry).await?;
    Ok(Vec::new())
}

/// The upload has not ended well, or is not waited for any more: nothing may be left of the image's volume.
pub(in crate::volume) async fn not_made(
    uow: &mut dyn UnitOfWork,
    writing: Writing<'_>,
    volume: &Volume,
    before: &VolumeState,
) -> Result<Vec<Order>, Error> {
    let (Some((image, id)), Some(tenant)) = (ordered(before), owner::find(uow).await?) else {
        return Ok(Vec::new());
    };
    if uow.volumes().find(id).await?.is_some() {
        return Ok(Vec::new());
    }
    let row = row(volume, id, (tenant, image), None, writing);
    uow.volumes().insert(&row).await?;
    Box::pin(begin_delete(uow, writing, row)).await
}

fn row(
    of: &Volume,
    id: VolumeId,
    (tenant, image): (InternalTenant, ImageId),
    source: Option<BlockSource>,
    writing: Writing<'_>,
) -> Volume {
    Volume {
        id,
        generation: Generation::FIRST,
        project: tenant.project,
        user: tenant.user,
        name: Some(format!("image-{image}")),
        description: None,
        state: VolumeState::Available,
        source,
        metadata: BTreeMap::new(),
        read_only: false,
        multiattach: false,
        image: None,
        source_snapshot: None,
        source_volume: Some(of.id),
        group: None,
        way: None,
        created_at: writing.now,
        updated_at: writing.now,
        ..of.clone()
    }
}
