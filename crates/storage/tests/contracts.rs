//! The plugs of files pass the suites of their sockets.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

use hatchery_ports::contract::disk_backend::Plugs;
use hatchery_ports::contract::{disk_backend, image_store};
use hatchery_storage::{FileDiskBackend, FileImageStore, FileOwner};
use tempfile::TempDir;

#[tokio::test(flavor = "multi_thread")]
async fn image_store_of_files() {
    let mut folders: Vec<TempDir> = Vec::new();
    image_store::run(|| {
        let folder = tempfile::tempdir().unwrap();
        let store = FileImageStore::new(folder.path(), FileOwner::process()).unwrap();
        folders.push(folder);
        store
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn disk_backend_of_files() {
    let mut folders: Vec<TempDir> = Vec::new();
    disk_backend::run(|| {
        let folder = tempfile::tempdir().unwrap();
        let (pool, instances) = (folder.path().join("pool"), folder.path().join("instances"));
        let owner = FileOwner::process();
        let plugs = Plugs {
            store: FileImageStore::new(&pool, owner).unwrap(),
            disks: FileDiskBackend::new(&pool, &instances, owner, false).unwrap(),
        };
        folders.push(folder);
        plugs
    })
    .await;
}
