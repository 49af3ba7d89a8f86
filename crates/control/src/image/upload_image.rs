//! Takes an image's bytes. The row says `Saving` with the attempt's name before the first byte is taken; then the bytes are written, judged,
//! and published, and where the operator wants it their raw form is made; then the row says `Active`. Whatever fails before that removes the attempt's bytes and queues the image again.

use super::access::changeable;
use super::raw_form::{is_missing, make_raw_form};
use super::twin;
use crate::error::Error;
use bytes::Bytes as Chunk;
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use hatchery_model::caller::Caller;
use hatchery_model::id::ImageId;
use hatchery_model::image::{DiskFormat, ImageContent, ImageState};
use hatchery_model::live::TransferKind;
use hatchery_model::timestamp::Timestamp;
use hatchery_model::units::Bytes;
use hatchery_ports::clock::Clock;
use hatchery_ports::entropy::{Entropy, random_uuid};
use hatchery_ports::image_store::{ImageStore, ImageStoreError, StoredBytes};
use hatchery_ports::store::Store;
use hatchery_ports::transfers::{Moving, NewTransfer, Transfers};
use std::time::Duration;
use tokio::time::timeout;

/// Bytes as they arrive. An error of it means that no more will come.
pub type UploadBody = BoxStream<'static, std::io::Result<Chunk>>;

/// What an upload may take.
#[derive(Clone, Copy, Debug)]
pub struct UploadLimits {
    /// Largest image: Glance's `image_size_cap`.
    pub size_cap: Bytes,
    /// Longest wait for the next bytes.
    pub idle: Duration,
    /// Nova's `force_raw_images`: an image in another format gets a raw form before it is active.
    pub force_raw_images: bool,
}

impl Default for UploadLimits {
    fn default() -> Self {
        Self { size_cap: Bytes(1 << 40), idle: Duration::from_secs(60), force_raw_images: false }
    }
}

/// An upload that is wanted.
pub struct Upload {
    /// Of which image.
    pub image: ImageId,
    /// How many bytes there will be, if that was said.
    pub size: Option<u64>,
    /// What it may take.
    pub limits: UploadLimits,
    /// The bytes.
    pub body: UploadBody,
}

/// Why bytes were not taken. The image is queued again, unless it is gone.
#[derive(Debug, thiserror::Error)]
pub enum UploadRefusal {
    /// The bytes are not an image that can be used.
    #[error("{0}")]
    NotAnImage(String),
    /// No room for them.
    #[error("Image storage media is full: {0}")]
    Full(String),
    /// The image was deleted meanwhile.
    #[error("Image {0} was deleted during the upload; its data has been removed.")]
    Gone(ImageId),
    /// Anything else.
    #[error(transparent)]
    Other(#[from] Error),
}

impl From<ImageStoreError> for UploadRefusal {
    fn from(error: ImageStoreError) -> Self {
        match error {
            ImageStoreError::Invalid(text) => Self::NotAnImage(text),
            ImageStoreError::Exhausted(text) => Self::Full(text),
            other @ (ImageStoreError::NotFound(_) | ImageStoreError::Unavailable { .. }) => {
                Self::Other(other.into())
            }
        }
    }
}

/// A new name for an attempt at an image's bytes.
pub(crate) fn attempt_of(image: ImageId, entropy: &dyn Entropy) -> String {
    format!("{image}.{}", random_uuid(entropy))
}

/// Whether an attempt's name is one of an image's.
pub(super) fn is_attempt_of(image: ImageId, attempt: &str) -> bool {
    attempt.strip_prefix(&image.to_string()).is_some_and(|rest| rest.starts_with('.'))
}

/// Runs an upload to its end, be that success or removal. It must not be dropped half-way: whoever calls it for a connection that may break
/// spawns it.
pub(super) async fn upload_image(
    store: &dyn Store,
    bytes: &dyn ImageStore,
    clock: &dyn Clock,
    entropy: &dyn Entropy,
    transfers: &dyn Transfers,
    caller: &Caller,
    upload: Upload,
) -> Result<(), UploadRefusal> {
    let (id, limits) = (upload.image, upload.limits);
    let attempt = attempt_of(id, entropy);
    let claimed =
        claim(store, clock.now(), caller, (id, upload.size, upload.limits.size_cap), &attempt)
            .await?;
    let moving = transfers.begin(NewTransfer {
        kind: TransferKind::Upload,
        what: claimed.name,
        image: Some(id),
        total: upload.size.map(Bytes),
    });
    let received = receive(bytes, upload, &attempt, claimed.format, &moving).await;
    let result = match received {
        Ok(content) => seal(store, bytes, clock, (id, limits), &attempt, content).await,
        Err(refusal) => Err(refusal),
    };
    match &result {
        Ok(()) => moving.done(),
        Err(_) => give_up(store, bytes, clock, id, &attempt).await,
    }
    result
}

/// What is known of an image whose upload begins.
struct Claimed {
    /// The format that the user declared.
    format: DiskFormat,
    /// Its name, or its id where it has none.
    name: String,
}

/// Says in the row that this attempt is under way.
async fn claim(
    store: &dyn Store,
    now: Timestamp,
    caller: &Caller,
    (id, size, cap): (ImageId, Option<u64>, Bytes),
    attempt: &str,
) -> Result<Claimed, Error> {
    let mut uow = store.begin().await?;
    let mut image = changeable(&mut *uow, caller, id, "upload_image").await?;
    let from = match &image.state {
        ImageState::Queued => None,
        ImageState::Saving { .. } | ImageState::Arriving { .. } => Some("saving"),
        ImageState::Active(_) => Some("active"),
        ImageState::Deactivated(_) => Some("deactivated"),
        ImageState::Deleting => Some("pending_delete"),
    };
    if let Some(from) = from {
        return Err(Error::Conflict(format!(
            "Image status transition from {from} to saving is not allowed: data is taken by queued images only."
        )));
    }
    let (Some(format), Some(_)) = (image.disk_format, image.container_format) else {
        return Err(Error::Invalid(
            "Properties disk_format, container_format must be set prior to saving data.".into(),
        ));
    };
    within_cap(size, cap)?;
    image.state = ImageState::Saving { upload: attempt.to_owned(), since: now };
    image.updated_at = now;
    uow.images().update(&image).await?;
    uow.commit().await?;
    Ok(Claimed { format, name: image.name.unwrap_or_else(|| id.to_string()) })
}

fn within_cap(size: Option<u64>, cap: Bytes) -> Result<(), Error> {
    match size {
        Some(size) if size > cap.0 => Err(Error::TooLarge(format!(
            "The image is too large: this service takes {cap} ({} bytes) at the most.",
            cap.0
        ))),
        Some(_) | None => Ok(()),
    }
}

async fn receive(
    bytes: &dyn ImageStore,
    upload: Upload,
    attempt: &str,
    declared: DiskFormat,
    moving: &Moving,
) -> Result<ImageContent, UploadRefusal> {
    let Upload { image, size, limits, mut body } = upload;
    let mut writer = bytes.begin(image, attempt, declared, limits.size_cap).await?;
    let mut arrived: u64 = 0;
    loop {
        let chunk = match timeout(limits.idle, body.next()).await {
            Err(_) => return Err(invalid(idle(limits.idle, arrived))),
            Ok(None) => break,
            Ok(Some(Err(error))) => return Err(invalid(cut_off(arrived, &error))),
            Ok(Some(Ok(chunk))) => chunk,
        };
        arrived += chunk.len() as u64;
        moving.add(chunk.len() as u64);
        within_cap(Some(arrived), limits.size_cap)?;
        if size.is_some_and(|size| arrived > size) {
            return Err(invalid(wrong_size(size, "more")));
        }
        writer.write(chunk).await?;
    }
    if size.is_some_and(|size| arrived < size) {
        return Err(invalid(wrong_size(size, "less")));
    }
    Ok(writer.finish().await?)
}

fn invalid(text: String) -> UploadRefusal {
    UploadRefusal::Other(Error::Invalid(text))
}

fn idle(limit: Duration, arrived: u64) -> String {
    format!(
        "The upload stood still for {} s after {arrived} bytes; nothing of it has been kept. Upload again.",
        limit.as_secs()
    )
}

fn cut_off(arrived: u64, error: &std::io::Error) -> String {
    format!(
        "The upload ended early, after {arrived} bytes ({error}); nothing of it has been kept. Upload again."
    )
}

fn wrong_size(size: Option<u64>, how: &str) -> String {
    let size = size.unwrap_or_default();
    format!(
        "The upload had {how} than the {size} bytes that were declared; nothing of it has been kept."
    )
}

/// Publishes and activates. The row is looked at before, so that an image deleted meanwhile gets no bytes: its deletion discards the
/// attempt, and from then on there is nothing to publish.
pub(super) async fn seal(
    store: &dyn Store,
    bytes: &dyn ImageStore,
    clock: &dyn Clock,
    (id, limits): (ImageId, UploadLimits),
    attempt: &str,
    mut content: ImageContent,
) -> Result<(), UploadRefusal> {
    let mut uow = store.read().await.map_err(Error::from)?;
    let row = uow.images().find(id).await.map_err(Error::from)?;
    drop(uow);
    if !row.is_some_and(|row| is_ours(&row.state, attempt)) {
        return Err(UploadRefusal::Gone(id));
    }
    publish(store, bytes, id, attempt, &content).await?;
    if limits.force_raw_images && is_missing(&content) {
        let cap = limits.size_cap;
        content.raw = Some(make_raw_form(store, bytes, cap, (id, attempt), &content).await?);
    }
    let mut uow = store.begin().await.map_err(Error::from)?;
    let row = uow.images().find(id).await.map_err(Error::from)?;
    let Some(mut image) = row.filter(|row| is_ours(&row.state, attempt)) else {
        return Err(UploadRefusal::Gone(id));
    };
    image.state = ImageState::Active(content);
    image.updated_at = clock.now();
    uow.images().update(&image).await.map_err(Error::from)?;
    uow.commit().await.map_err(Error::from)?;
    Ok(())
}

/// Gives the bytes the image's name, or the image the bytes that the store has already.
async fn publish(
    store: &dyn Store,
    bytes: &dyn ImageStore,
    id: ImageId,
    attempt: &str,
    content: &ImageContent,
) -> Result<(), UploadRefusal> {
    if let Some(twin) = twin::of_image(store, id, content).await?
        && bytes.share(StoredBytes::Image(id), attempt, twin, content.size).await?
    {
        return Ok(());
    }
    Ok(bytes.publish(id, attempt).await?)
}

fn is_ours(state: &ImageState, attempt: &str) -> bool {
    match state {
        ImageState::Saving { upload, .. } | ImageState::Arriving { upload, .. } => {
            upload == attempt
        }
        ImageState::Queued
        | ImageState::Active(_)
        | ImageState::Deactivated(_)
        | ImageState::Deleting => false,
    }
}

/// Removes what an attempt left. What cannot be done now is done at the next start; the row stays `Saving` until the bytes are gone.
async fn give_up(
    store: &dyn Store,
    bytes: &dyn ImageStore,
    clock: &dyn Clock,
    id: ImageId,
    attempt: &str,
) {
    let removed = match bytes.discard(attempt).await {
        Ok(()) => unpublish(store, bytes, id, attempt).await,
        Err(error) => Err(error.into()),
    };
    let outcome = match removed {
        Ok(()) => requeue(store, clock.now(), id, attempt).await,
        Err(error) => Err(error),
    };
    if let Err(error) = outcome {
        tracing::error!(
            image.id = %id,
            upload = attempt,
            error = &error as &dyn std::error::Error,
            "an upload could not be cleaned up; the next start does it"
        );
    }
}

/// Takes the image's name off bytes that were published although the row could not be made active.
async fn unpublish(
    store: &dyn Store,
    bytes: &dyn ImageStore,
    id: ImageId,
    attempt: &str,
) -> Result<(), Error> {
    let mut uow = store.read().await?;
    let row = uow.images().find(id).await?;
    drop(uow);
    if row.is_some_and(|row| is_ours(&row.state, attempt)) {
        bytes.delete(id).await?;
    }
    Ok(())
}

/// Queues an image again, if it is still this attempt's.
pub(super) async fn requeue(
    store: &dyn Store,
    now: Timestamp,
    id: ImageId,
    attempt: &str,
) -> Result<(), Error> {
    let mut uow = store.begin().await?;
    let row = uow.images().find(id).await?;
    if let Some(mut image) = row.filter(|row| is_ours(&row.state, attempt)) {
        image.state = ImageState::Queued;
        image.updated_at = now;
        uow.images().update(&image).await?;
        uow.commit().await?;
    }
    Ok(())
}
