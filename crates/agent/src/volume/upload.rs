//! Orders to make an image of a volume: its bytes into the image store, under the name that the order has.

use super::snapshot;
use super::work::{chain, failed, refused};
use crate::registry::Registry;
use hatchery_model::disk::BlockSource;
use hatchery_model::id::{SnapshotId, VolumeId};
use hatchery_model::image::ImageContent;
use hatchery_model::volume::{ImageOfVolume, NewVolume, VolumeOutcome};
use hatchery_ports::image_maker::{ImageMaker, ImageMakerError};
use hatchery_ports::image_store::ImageStoreError;
use hatchery_ports::volume_backend::{Opened, VolumeBackend};

/// Leaves what the volume holds in the image store.
pub(super) async fn make(
    guests: &Registry,
    backend: &dyn VolumeBackend,
    maker: &dyn ImageMaker,
    volume: VolumeId,
    wanted: &ImageOfVolume,
) -> VolumeOutcome {
    let kept = match &wanted.image_volume {
        Some(new) => keep_beside(backend, new).await,
        None => None,
    };
    let made = if wanted.live {
        make_live(guests, backend, maker, volume, wanted).await
    } else {
        read(backend, maker, Opened::Volume(volume), wanted).await
    };
    match made {
        Ok(content) => VolumeOutcome::Uploaded {
            image: wanted.image,
            upload: wanted.upload.clone(),
            content: Box::new(content),
            image_volume: kept,
        },
        Err(error) => {
            if let Some(new) = &wanted.image_volume {
                remove(backend, new.volume).await;
            }
            not_made(&error)
        }
    }
}

/// Clones the volume into the one that keeps the image's bytes. Without it the image is made all the same.
async fn keep_beside(backend: &dyn VolumeBackend, new: &NewVolume) -> Option<BlockSource> {
    match backend.create(new).await {
        Ok(made) => Some(made.source),
        Err(error) => {
            tracing::warn!(volume.id = %new.volume, error = chain(&error), "an image is not kept as a volume");
            remove(backend, new.volume).await;
            None
        }
    }
}

/// Whoever gave the order has it removed in the end.
async fn remove(backend: &dyn VolumeBackend, volume: VolumeId) {
    if let Err(error) = backend.remove(volume).await {
        tracing::warn!(volume.id = %volume, error = chain(&error), "an image's volume is not removed yet");
    }
}

/// Of a volume that is written to meanwhile: what is read is a snapshot, named as the image is, that goes afterwards.
async fn make_live(
    guests: &Registry,
    backend: &dyn VolumeBackend,
    maker: &dyn ImageMaker,
    volume: VolumeId,
    wanted: &ImageOfVolume,
) -> Result<ImageContent, ImageMakerError> {
    let passing = SnapshotId(wanted.image.0);
    snapshot::take(guests, backend, volume, passing).await?;
    let made = read(backend, maker, Opened::Snapshot(volume, passing), wanted).await;
    // Also after a failure, which is the news then.
    let removed = backend.remove_snapshot(volume, passing).await;
    let made = made?;
    removed?;
    Ok(made)
}

async fn read(
    backend: &dyn VolumeBackend,
    maker: &dyn ImageMaker,
    what: Opened,
    wanted: &ImageOfVolume,
) -> Result<ImageContent, ImageMakerError> {
    maker.make(backend.open(what).await?, wanted).await
}

/// The answer of an agent that has no image store.
pub(super) fn no_store(host: &str) -> VolumeOutcome {
    refused(format!("The agent of host {host} has no image store to make images in."))
}

pub(super) fn not_made(error: &ImageMakerError) -> VolumeOutcome {
    match error {
        ImageMakerError::Volume(error) => failed(error),
        // Written for the user.
        ImageMakerError::Unsupported(_)
        | ImageMakerError::Store(ImageStoreError::Invalid(_) | ImageStoreError::Exhausted(_)) => {
            refused(error.to_string())
        }
        ImageMakerError::Store(
            ImageStoreError::NotFound(_) | ImageStoreError::Unavailable { .. },
        ) => VolumeOutcome::Failed {
            message: format!("{error} now: try again later"),
            details: chain(error),
            leaves: false,
        },
    }
}
