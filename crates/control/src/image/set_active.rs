//! Closes an image's bytes to all but administrators, and opens them again.

use super::access::changeable;
use crate::error::Error;
use hatchery_model::caller::Caller;
use hatchery_model::id::ImageId;
use hatchery_model::image::ImageState;
use hatchery_model::timestamp::Timestamp;
use hatchery_ports::store::Store;

/// Makes an image active, or deactivated. Doing it twice changes nothing; an image without bytes is `Denied`, as Glance has it.
pub(super) async fn set_active(
    store: &dyn Store,
    now: Timestamp,
    caller: &Caller,
    id: ImageId,
    active: bool,
) -> Result<(), Error> {
    let action = if active { "reactivate" } else { "deactivate" };
    let mut uow = store.begin().await?;
    let mut image = changeable(&mut *uow, caller, id, action).await?;
    image.state = match (image.state, active) {
        (ImageState::Active(content), false) => ImageState::Deactivated(content),
        (ImageState::Deactivated(content), true) => ImageState::Active(content),
        (ImageState::Active(_), true) | (ImageState::Deactivated(_), false) => return Ok(()),
        (
            ImageState::Queued
            | ImageState::Saving { .. }
            | ImageState::Arriving { .. }
            | ImageState::Deleting,
            _,
        ) => {
            return Err(Error::Denied(format!(
                "Not allowed to {action} an image that has no data yet."
            )));
        }
    };
    image.updated_at = now;
    uow.images().update(&image).await?;
    uow.commit().await?;
    Ok(())
}
