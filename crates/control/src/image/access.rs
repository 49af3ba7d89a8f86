//! Who may see an image: its owner, and everyone when it is public or known by its id (`community`).

use crate::error::Error;
use crate::policy;
use hatchery_model::caller::Caller;
use hatchery_model::id::ImageId;
use hatchery_model::image::{Image, ImageState, Visibility};
use hatchery_ports::store::UnitOfWork;

/// The image, if the caller may see it and it is not being deleted; `NotFound` otherwise.
pub(super) async fn seen(
    uow: &mut dyn UnitOfWork,
    caller: &Caller,
    id: ImageId,
) -> Result<Image, Error> {
    let found = uow.images().find(id).await?;
    found
        .filter(|image| image.state != ImageState::Deleting && may_see(caller, image))
        .ok_or_else(|| Error::not_found("Image", id))
}

/// The image, if the caller may change it; `Denied` when they only may see it.
pub(super) async fn changeable(
    uow: &mut dyn UnitOfWork,
    caller: &Caller,
    id: ImageId,
    action: &str,
) -> Result<Image, Error> {
    let image = seen(uow, caller, id).await?;
    policy::write(caller, &image.owner, action)?;
    Ok(image)
}

/// Whether the caller may see the image.
pub(crate) fn may_see(caller: &Caller, image: &Image) -> bool {
    let open = match image.visibility {
        Visibility::Public | Visibility::Community => true,
        Visibility::Private | Visibility::Shared => false,
    };
    policy::may_read(caller, &image.owner) || (open && caller.has_role("reader"))
}
