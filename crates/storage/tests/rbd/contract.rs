//! The plugs of Ceph pass the suites of their sockets.

use crate::fixture::settings;
use hatchery_ports::contract::image_store;
use hatchery_ports::contract::volume_backend::{Plugs, run};
use hatchery_storage::{
    FileImageStore, FileOwner, RbdImageSource, RbdImageStore, RbdImageStoreSettings,
    RbdVolumeBackend, RbdVolumeSettings,
};
use hatchery_testkit::CephCluster;
use std::time::Duration;
use tempfile::TempDir;

/// A new, empty pool.
pub fn new_pool(ceph: &CephCluster, name: &str) -> String {
    ceph.ceph(&["osd", "pool", "create", name, "4"]);
    ceph.rbd(&["pool", "init", name]);
    name.to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn volumes_in_ceph_and_images_in_files() {
    let Some(ceph) = CephCluster::shared("volumes_in_ceph_and_images_in_files") else { return };
    let mut folders: Vec<TempDir> = Vec::new();
    run(|| {
        let folder = tempfile::tempdir().unwrap();
        let store = FileImageStore::new(folder.path(), FileOwner::process()).unwrap();
        let images = RbdImageSource { files: Some(folder.path().to_owned()), pool: None };
        let rbd_pool = new_pool(ceph, &format!("files-{}", folders.len()));
        folders.push(folder);
        let settings = RbdVolumeSettings {
            rbd_pool,
            retries: 0,
            retry_interval: Duration::ZERO,
            ..RbdVolumeSettings::new("rbd", settings(ceph, "admin"), images)
        };
        Plugs { store, volumes: RbdVolumeBackend::new(settings) }
    })
    .await;
}

pub fn images(ceph: &CephCluster, pool: String) -> RbdImageStore {
    RbdImageStore::new(RbdImageStoreSettings {
        ceph: settings(ceph, "admin"),
        pool,
        object_order: 23,
        conversion_folder: ceph.path("conversion"),
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn image_store_in_ceph() {
    let Some(ceph) = CephCluster::shared("image_store_in_ceph") else { return };
    let mut pools = 0..;
    image_store::run(|| images(ceph, new_pool(ceph, &format!("images-{}", pools.next().unwrap()))))
        .await;
}

/// Images are cloned where they lie, and copied where the plan says so.
#[tokio::test(flavor = "multi_thread")]
async fn volumes_and_images_in_ceph() {
    let Some(ceph) = CephCluster::shared("volumes_and_images_in_ceph") else { return };
    let mut pools = 0..;
    run(|| {
        let number = pools.next().unwrap();
        let pool = new_pool(ceph, &format!("glance-{number}"));
        let settings = RbdVolumeSettings {
            rbd_pool: new_pool(ceph, &format!("cinder-{number}")),
            retries: 0,
            retry_interval: Duration::ZERO,
            ..RbdVolumeSettings::new(
                "rbd",
                settings(ceph, "admin"),
                RbdImageSource { pool: Some(pool.clone()), files: None },
            )
        };
        Plugs { store: images(ceph, pool), volumes: RbdVolumeBackend::new(settings) }
    })
    .await;
}
