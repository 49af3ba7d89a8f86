//! The plugs of Ceph pass the suites of their sockets.

use crate::fixture::settings;
use hatchery_ports::contract::volume_backend::{Plugs, run};
use hatchery_storage::{
    FileImageStore, FileOwner, RbdImageSource, RbdVolumeBackend, RbdVolumeSettings,
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
        let images = RbdImageSource::Files(folder.path().to_owned());
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
