//! Glance's part.

use super::pool::{self, Pool};
use super::{Check, Ground, host};
use anyhow::Context;
use hatchery_api::Router;
use hatchery_api::image::router;
use hatchery_control::image::{DeleteImage, ImagePorts, ImageVerbs, UploadLimits, recover};
use hatchery_control::reconcile::MakeRawForms;
use hatchery_control::workflow::Step;
use hatchery_model::units::Bytes;
use hatchery_storage::FileImageStore;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;

pub struct Image {
    pub router: Router,
    /// What the task runner runs for images.
    pub delete: Arc<dyn Step>,
    /// What goes on in the background.
    pub tasks: Vec<JoinHandle<()>>,
}

/// The store is opened first, so that the pool finds its folders.
pub async fn join(ground: &Ground, check: Check) -> anyhow::Result<(Image, Pool)> {
    let owner = host::owner(&ground.config.qemu.user)?;
    let bytes = FileImageStore::new(&ground.state.join("pool"), owner)?;
    let now = ground.clock.now();
    let recovered = recover(ground.store.as_ref(), &bytes, now)
        .await
        .context("the images cannot be put right")?;
    tracing::debug!(?recovered, "images looked at");
    let bytes = Arc::new(bytes);
    let pool = pool::join(ground)?;
    let delete = Arc::new(DeleteImage {
        store: ground.store.clone(),
        bytes: bytes.clone(),
        clock: ground.clock.clone(),
        entropy: ground.entropy.clone(),
        outbox: ground.outbox.clone(),
        links: pool.links.clone(),
    });
    let mut tasks = Vec::new();
    if ground.config.default.force_raw_images {
        let earlier = MakeRawForms {
            store: ground.store.clone(),
            bytes: bytes.clone(),
            cap: Bytes(ground.config.glance.image_size_cap),
            clock: ground.clock.clone(),
            entropy: ground.entropy.clone(),
        };
        tasks.push(tokio::spawn(async move { earlier.run().await }));
    }
    let verbs = ImageVerbs::new(ImagePorts {
        store: ground.store.clone(),
        bytes,
        clock: ground.clock.clone(),
        entropy: ground.entropy.clone(),
        outbox: ground.outbox.clone(),
        transfers: ground.transfers.clone(),
        links: pool.links.clone(),
        limits: UploadLimits {
            size_cap: Bytes(ground.config.glance.image_size_cap),
            idle: Duration::from_secs(ground.config.glance.upload_idle_timeout),
            force_raw_images: ground.config.default.force_raw_images,
        },
    });
    Ok((Image { router: router(verbs, check, &ground.base), delete, tasks }, pool))
}
