//! An image's raw form, made once, so that no start ever converts. The user's own bytes stay what they are.

use super::twin;
use super::upload_image::UploadRefusal;
use crate::error::Error;
use hatchery_model::id::ImageId;
use hatchery_model::image::{ImageContent, ImageFormat, RawForm};
use hatchery_model::provision::ImageLocation;
use hatchery_model::units::Bytes;
use hatchery_ports::image_store::{ImageStore, StoredBytes};
use hatchery_ports::store::Store;

/// Whether bases are to be made of a raw form, which the image does not have.
pub(crate) fn is_missing(content: &ImageContent) -> bool {
    content.raw.is_none() && content.inspection.format != ImageFormat::Raw
}

/// Makes and publishes the raw form of a published image, under the attempt's name until it is whole; or shares one that the store has.
/// `cap` is the largest disk taken. Whatever fails leaves nothing but what `discard` of the attempt removes.
pub(crate) async fn make_raw_form(
    store: &dyn Store,
    bytes: &dyn ImageStore,
    cap: Bytes,
    (id, attempt): (ImageId, &str),
    content: &ImageContent,
) -> Result<RawForm, UploadRefusal> {
    if let Some((twin, raw)) = twin::of_conversion(store, id, content).await? {
        let is_shared = raw.size <= cap && share_raw(bytes, (id, attempt), twin, raw.size).await?;
        if is_shared {
            return Ok(of_own(raw, twin, id));
        }
    }
    let raw = bytes.make_raw(id, attempt, cap).await?;
    if let Some(twin) = twin::of_raw_form(store, id, &raw).await?
        && share_raw(bytes, (id, attempt), twin, raw.size).await?
    {
        return Ok(raw);
    }
    bytes.publish_raw(id, attempt).await?;
    Ok(raw)
}

async fn share_raw(
    bytes: &dyn ImageStore,
    (id, attempt): (ImageId, &str),
    twin: StoredBytes,
    size: Bytes,
) -> Result<bool, Error> {
    let what = StoredBytes::RawForm(id);
    Ok(bytes.share(what, attempt, twin, size).await?)
}

/// The twin's raw form as the image's own: names in Ceph have the image's id in them.
fn of_own(raw: RawForm, twin: StoredBytes, id: ImageId) -> RawForm {
    let (StoredBytes::Image(twin) | StoredBytes::RawForm(twin)) = twin;
    let location = raw.location.map(|at| ImageLocation {
        image: at.image.replace(&twin.to_string(), &id.to_string()),
        ..at
    });
    RawForm { location, ..raw }
}
