//! Bytes that the store has already, under another image's name. They are told by digest and length, whoever owns the images: what is
//! shared is a file of the store, and no answer of the API depends on it.

use crate::error::Error;
use hatchery_model::id::ImageId;
use hatchery_model::image::{Image, ImageContent, RawForm};
use hatchery_model::page::Page;
use hatchery_model::units::Bytes;
use hatchery_ports::image_store::StoredBytes;
use hatchery_ports::store::{ImageFilter, Store};

/// States in which an image's bytes are sealed.
const SEALED: [&str; 2] = ["active", "deactivated"];

/// An image other than `id` whose own bytes have this length and digest.
async fn same_image(
    store: &dyn Store,
    id: ImageId,
    size: Bytes,
    sha512: &str,
) -> Result<Option<Image>, Error> {
    let filter =
        ImageFilter { size: Some(size), statuses: SEALED.to_vec(), ..ImageFilter::default() };
    let mut uow = store.read().await?;
    let images = uow.images().list(&filter, &Page::default()).await?;
    let same = images.into_iter().filter(|image| {
        image.id != id && image.content().is_some_and(|content| content.sha512 == sha512)
    });
    // One that has a raw form saves a conversion as well.
    Ok(same.max_by_key(|image| image.content().is_some_and(|content| content.raw.is_some())))
}

/// Where the store has the image's bytes already.
pub(super) async fn of_image(
    store: &dyn Store,
    id: ImageId,
    content: &ImageContent,
) -> Result<Option<StoredBytes>, Error> {
    let same = same_image(store, id, content.size, &content.sha512).await?;
    Ok(same.map(|image| StoredBytes::Image(image.id)))
}

/// The raw form that was made of the very same bytes for another image.
pub(super) async fn of_conversion(
    store: &dyn Store,
    id: ImageId,
    content: &ImageContent,
) -> Result<Option<(StoredBytes, RawForm)>, Error> {
    let same = same_image(store, id, content.size, &content.sha512).await?;
    Ok(same.and_then(|image| {
        let raw = image.content()?.raw.clone()?;
        Some((StoredBytes::RawForm(image.id), raw))
    }))
}

/// Where the store has the bytes of a raw form already: as another image's raw form, or as an image that was uploaded raw.
pub(super) async fn of_raw_form(
    store: &dyn Store,
    id: ImageId,
    raw: &RawForm,
) -> Result<Option<StoredBytes>, Error> {
    if let Some(image) = same_image(store, id, raw.size, &raw.sha512).await? {
        return Ok(Some(StoredBytes::Image(image.id)));
    }
    let filter = ImageFilter {
        raw_sha512: Some(raw.sha512.clone()),
        statuses: SEALED.to_vec(),
        ..ImageFilter::default()
    };
    let mut uow = store.read().await?;
    let images = uow.images().list(&filter, &Page::default()).await?;
    let same = images.iter().find(|image| image.id != id);
    Ok(same.map(|image| StoredBytes::RawForm(image.id)))
}
