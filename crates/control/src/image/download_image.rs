//! Finds an image whose bytes the caller wants to read.

use super::access::seen;
use crate::error::Error;
use hatchery_model::caller::Caller;
use hatchery_model::id::ImageId;
use hatchery_model::image::{Image, ImageState};
use hatchery_ports::store::Store;

/// The image, if the caller may read its bytes: `member` for one's own and for open ones. `Denied` for a deactivated image, unless the caller
/// is administrator. It may have no bytes yet.
pub(super) async fn open_image(
    store: &dyn Store,
    caller: &Caller,
    id: ImageId,
) -> Result<Image, Error> {
    let mut uow = store.read().await?;
    let image = seen(&mut *uow, caller, id).await?;
    if matches!(image.state, ImageState::Deactivated(_)) && !caller.is_admin() {
        return Err(Error::Denied(
            "The image has been deactivated; only an administrator can download its data.".into(),
        ));
    }
    if !caller.is_admin() && !caller.has_role("member") {
        return Err(Error::Denied("Policy doesn't allow download_image to be performed.".into()));
    }
    Ok(image)
}
