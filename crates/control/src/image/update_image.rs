//! Changes what is written on an image: all of it or nothing.

use super::access::changeable;
use super::change::Change;
use crate::error::Error;
use hatchery_model::caller::Caller;
use hatchery_model::id::ImageId;
use hatchery_model::image::Image;
use hatchery_model::timestamp::Timestamp;
use hatchery_ports::store::Store;

/// Applies the changes in their order; the image as it is then.
pub(super) async fn update_image(
    store: &dyn Store,
    now: Timestamp,
    caller: &Caller,
    id: ImageId,
    changes: Vec<Change>,
) -> Result<Image, Error> {
    let mut uow = store.begin().await?;
    let mut image = changeable(&mut *uow, caller, id, "modify_image").await?;
    if changes.is_empty() {
        return Ok(image);
    }
    for change in changes {
        change.apply(caller, &mut image)?;
    }
    image.updated_at = now;
    uow.images().update(&image).await?;
    uow.commit().await?;
    image.generation = image.generation.next();
    Ok(image)
}
