//! Glance's part.

use super::pool::{self, Pool};
use super::{Check, Ground, backend, host};
use anyhow::{Context, bail};
use hatchery_api::Router;
use hatchery_api::image::{Shown, router};
use hatchery_control::image::{
    DeleteImage, ImagePorts, ImageVerbs, SealImage, UploadLimits, recover,
};
use hatchery_control::pool::BaseLinks;
use hatchery_control::reconcile::{MakeRawForms, WaitingRemovals};
use hatchery_control::workflow::Step;
use hatchery_model::units::Bytes;
use hatchery_ports::image_store::ImageStore;
use hatchery_storage::{FileImageStore, RbdImageStore, RbdImageStoreSettings};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;

pub struct Image {
    pub router: Router,
    /// What the task runner runs for images.
    pub steps: ImageSteps,
    /// What goes on in the background.
    pub tasks: Vec<JoinHandle<()>>,
}

/// Steps of tasks about images.
pub struct ImageSteps {
    pub delete: Arc<dyn Step>,
    pub seal: Arc<dyn Step>,
}

/// The image store, and whether it is in Ceph: what is there is cloned, which only raw disks can be, so each image gets a raw form.
pub fn store(ground: &Ground) -> anyhow::Result<(Arc<dyn ImageStore>, bool)> {
    let set = &ground.config.glance_store;
    // In any case: bases and volumes of files use its folders.
    let owner = host::owner(&ground.config.qemu.user)?;
    let files = FileImageStore::new(&ground.state.join("pool"), owner)?;
    match set.default_store.as_str() {
        "file" => Ok((Arc::new(files), false)),
        "rbd" if set.rbd_store_user.is_empty() => {
            bail!(
                "[glance_store] rbd_store_user is not set: name the cephx user of the pool, such as glance"
            )
        }
        "rbd" => {
            let order = set.rbd_store_chunk_size;
            let (user, conf) = (&set.rbd_store_user, &set.rbd_store_ceph_conf);
            let settings = RbdImageStoreSettings {
                ceph: backend::cluster("ceph", user, conf, set.rados_connect_timeout),
                pool: set.rbd_store_pool.clone(),
                object_order: backend::object_order("glance_store", "rbd_store_chunk_size", order)?,
                conversion_folder: match &ground.config.default.image_conversion_dir {
                    unset if unset.as_os_str().is_empty() => ground.state.join("conversion"),
                    set => set.clone(),
                },
            };
            Ok((Arc::new(RbdImageStore::new(settings)), true))
        }
        "cinder" => bail!(
            "[glance_store] default_store is 'cinder': choose file or rbd; with cinder in stores, images are kept as volumes, too"
        ),
        other => bail!("[glance_store] default_store is '{other}': choose file or rbd"),
    }
}

/// The store is opened first, so that the pool finds its folders.
pub async fn join(ground: &Ground, check: Check) -> anyhow::Result<(Image, Pool)> {
    let (bytes, is_in_ceph) = store(ground)?;
    let now = ground.clock.now();
    match recover(ground.store.as_ref(), bytes.as_ref(), now).await {
        Ok(recovered) => tracing::debug!(?recovered, "images looked at"),
        // All else goes on without it.
        Err(error) if is_in_ceph => tracing::error!(
            error = &error as &dyn std::error::Error,
            "the image store does not answer: what was being uploaded is put right at a start when it does"
        ),
        Err(error) => return Err(error).context("the images cannot be put right"),
    }
    let pool = pool::join(ground)?;
    // What lies in Ceph is no file that bases could be links of.
    let links = if is_in_ceph { BaseLinks::default() } else { pool.links.clone() };
    let force_raw_images = is_in_ceph || ground.config.default.force_raw_images;
    let limits = UploadLimits {
        size_cap: Bytes(ground.config.glance.image_size_cap),
        idle: Duration::from_secs(ground.config.glance.upload_idle_timeout),
        force_raw_images,
    };
    let seal = Arc::new(SealImage {
        store: ground.store.clone(),
        bytes: bytes.clone(),
        clock: ground.clock.clone(),
        entropy: ground.entropy.clone(),
        tasks: ground.tasks.clone(),
        links: links.clone(),
        limits,
    });
    let delete = Arc::new(DeleteImage {
        store: ground.store.clone(),
        bytes: bytes.clone(),
        clock: ground.clock.clone(),
        entropy: ground.entropy.clone(),
        outbox: ground.outbox.clone(),
        links: links.clone(),
    });
    let removals = WaitingRemovals { bytes: bytes.clone() };
    let mut tasks = vec![tokio::spawn(async move { removals.run().await })];
    if force_raw_images {
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
        links,
        limits,
    });
    let steps = ImageSteps { delete, seal };
    let set = &ground.config.default;
    let shown = Shown {
        direct_url: set.show_image_direct_url,
        locations: set.show_multiple_locations,
        files: ground.state.join("pool").join("images"),
    };
    Ok((Image { router: router(verbs, check, &ground.base, shown), steps, tasks }, pool))
}
