//! Bases ahead of the first create, and bases that nobody needs any more.

use crate::agent::Host;
use hatchery_model::id::{ImageId, RequestId};
use hatchery_model::message::{Event, HostBase, HostBaseState};
use hatchery_ports::entropy::random_uuid;

/// Has a base of the image, and says whether it is there. Asked twice, it says so twice.
pub(crate) async fn seed(host: &Host, image: ImageId, request: RequestId) {
    let _none_released = host.base_lock.read().await;
    let state = match host.parts.disks.seed_base(image).await {
        Ok(()) => HostBaseState::Cached,
        Err(error) => {
            tracing::warn!(image.id = %image, %error, "a base could not be made ahead of the next create");
            HostBaseState::Failed(error.to_string())
        }
    };
    tell(host, image, state, request);
}

fn tell(host: &Host, image: ImageId, state: HostBaseState, request: RequestId) {
    let bases = vec![HostBase { image, state, since: host.parts.clock.now() }];
    let event = Event::BasesChanged { host: host.settings.host.clone(), bases };
    host.publisher.send_in_background(request, event);
}

/// Lets go of an image's base, if the image is gone and no guest here needs it. A failure is logged: the next
/// start looks again.
pub(crate) async fn release(host: &Host, image: ImageId, request: RequestId) {
    let _none_building = host.base_lock.write().await;
    let in_use = host.registry.images_in_use();
    match host.parts.disks.release_base(image, &in_use).await {
        Ok(true) => {
            tracing::info!(image.id = %image, "base released");
            tell(host, image, HostBaseState::Gone, request);
        }
        Ok(false) => tracing::debug!(image.id = %image, "base kept"),
        Err(error) => tracing::warn!(image.id = %image, %error, "a base could not be released"),
    }
}

/// Looks at every base: what a lost `ReleaseBase` would have said.
pub(crate) async fn sweep(host: &Host) {
    match host.parts.disks.list_bases().await {
        Ok(images) => {
            for image in images {
                let request = RequestId(format!("req-{}", random_uuid(&*host.parts.entropy)));
                release(host, image, request).await;
            }
        }
        Err(error) => tracing::warn!(%error, "the bases could not be listed"),
    }
}
