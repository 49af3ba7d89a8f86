//! Where this host's disks live.

use super::backend::cluster;
use crate::config::Config;
use crate::state_dir::StateDir;
use anyhow::bail;
use hatchery_ports::disk_backend::DiskBackend;
use hatchery_storage::rbd::CephSettings;
use hatchery_storage::{
    FileDiskBackend, FileOwner, RbdDiskBackend, RbdDiskSettings, RbdImageSource,
};
use std::sync::Arc;
use std::time::Duration;

/// The backend that `[libvirt] images_type` names.
pub fn backend(
    state: &StateDir,
    config: &Config,
    owner: FileOwner,
) -> anyhow::Result<Arc<dyn DiskBackend>> {
    match config.libvirt.images_type.as_str() {
        "default" | "qcow2" => {
            let (pool, instances) = (state.join("pool"), state.join("instances"));
            let force_raw = config.default.force_raw_images;
            Ok(Arc::new(FileDiskBackend::new(&pool, &instances, owner, force_raw)?))
        }
        "rbd" => Ok(Arc::new(RbdDiskBackend::new(rbd(state, config)?))),
        other => bail!("[libvirt] images_type is '{other}': choose default, qcow2 or rbd"),
    }
}

fn rbd(state: &StateDir, config: &Config) -> anyhow::Result<RbdDiskSettings> {
    let set = &config.libvirt;
    if set.rbd_user.is_empty() {
        bail!("[libvirt] rbd_user is not set: name the cephx user of the pool, such as cinder");
    }
    let ceph = CephSettings {
        connect_timeout: Duration::from_secs(set.rbd_connect_timeout.max(1)),
        ..cluster("ceph", &set.rbd_user, &set.images_rbd_ceph_conf, -1)
    };
    Ok(RbdDiskSettings { ceph, pool: set.images_rbd_pool.clone(), images: images(state, config) })
}

/// Where images are that are copied, and not cloned.
pub fn images(state: &StateDir, config: &Config) -> RbdImageSource {
    let store = &config.glance_store;
    RbdImageSource {
        pool: (store.default_store == "rbd").then(|| store.rbd_store_pool.clone()),
        files: Some(state.join("pool")),
    }
}
