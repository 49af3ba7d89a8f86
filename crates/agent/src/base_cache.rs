//! Bases that nobody needs any more.

use crate::agent::Host;
use hatchery_model::id::ImageId;

/// Lets go of an image's base, if the image is gone and no guest here needs it. A failure is logged: the next
/// start looks again.
pub(crate) async fn release(host: &Host, image: ImageId) {
    let _none_building = host.base_lock.write().await;
    let in_use = host.registry.images_in_use();
    match host.parts.disks.release_base(image, &in_use).await {
        Ok(true) => tracing::info!(image.id = %image, "base released"),
        Ok(false) => tracing::debug!(image.id = %image, "base kept"),
        Err(error) => tracing::warn!(image.id = %image, %error, "a base could not be released"),
    }
}

/// Looks at every base: what a lost `ReleaseBase` would have said.
pub(crate) async fn sweep(host: &Host) {
    match host.parts.disks.list_bases().await {
        Ok(images) => {
            for image in images {
                release(host, image).await;
            }
        }
        Err(error) => tracing::warn!(%error, "the bases could not be listed"),
    }
}
