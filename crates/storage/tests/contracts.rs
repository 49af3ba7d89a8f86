//! The plugs of files pass the suites of their sockets.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

use hatchery_model::id::VolumeId;
use hatchery_model::image::ImageFormat;
use hatchery_model::units::Bytes;
use hatchery_model::volume::{NewVolume, VolumeContent};
use hatchery_ports::contract::disk_backend::Plugs;
use hatchery_ports::contract::{backup_store, disk_backend, image_store, volume_backend};
use hatchery_ports::volume_backend::{Opened, VolumeBackend};
use hatchery_storage::{
    FileDiskBackend, FileImageStore, FileOwner, FileVolumeBackend, FileVolumeSettings,
    FolderBackupSettings, FolderBackupStore,
};
use tempfile::TempDir;
use uuid::Uuid;

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

#[tokio::test(flavor = "multi_thread")]
async fn volume_backend_of_files() {
    for format in [ImageFormat::Qcow2, ImageFormat::Raw] {
        let mut folders: Vec<TempDir> = Vec::new();
        volume_backend::run(|| {
            let folder = tempfile::tempdir().unwrap();
            let (images, owner) = (folder.path().join("pool"), FileOwner::process());
            let settings = FileVolumeSettings {
                backend: "file".to_owned(),
                pool: "file".to_owned(),
                images: images.clone(),
                folder: folder.path().join("volumes"),
                owner,
                format,
            };
            let plugs = volume_backend::Plugs {
                store: FileImageStore::new(&images, owner).unwrap(),
                volumes: FileVolumeBackend::new(settings).unwrap(),
            };
            folders.push(folder);
            plugs
        })
        .await;
    }
}

/// A volume that nobody writes to has any number of copies, each of which lies on as few files as the first.
#[tokio::test(flavor = "multi_thread")]
async fn more_copies_than_layers() {
    let folder = tempfile::tempdir().unwrap();
    let volumes = FileVolumeBackend::new(FileVolumeSettings {
        backend: "file".to_owned(),
        pool: "file".to_owned(),
        images: folder.path().join("pool"),
        folder: folder.path().join("volumes"),
        owner: FileOwner::process(),
        format: ImageFormat::Raw,
    })
    .unwrap();
    let id = |number| VolumeId(Uuid::from_u128(number));
    let make = async |number, content| {
        let new =
            NewVolume { volume: id(number), size: Bytes::from_mib(1), content, holds_image: false };
        volumes.create(&new).await.unwrap().source
    };
    make(1, VolumeContent::Empty).await;
    for number in 2..80 {
        let source = make(number, VolumeContent::Volume(id(1))).await;
        assert!(source.backing().unwrap().backing().is_none(), "{number}");
    }
    // Once it was written to, it is frozen again, and what was copied before stays as it is.
    let mut open = volumes.open(Opened::ForWriting(id(1))).await.unwrap();
    open.write(0, vec![7; 512].into()).await.unwrap();
    open.close().await.unwrap();
    make(80, VolumeContent::Volume(id(1))).await;
    for (number, byte) in [(79, 0), (80, 7), (1, 7)] {
        let mut open = volumes.open(Opened::Volume(id(number))).await.unwrap();
        assert_eq!(open.read(0, 1).await.unwrap()[0], byte, "{number}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn backup_store_in_a_folder() {
    for block in [4096, 256 << 10, 1 << 20] {
        let mut folders: Vec<TempDir> = Vec::new();
        backup_store::run(|| {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("backups");
            folders.push(folder);
            FolderBackupStore::open(&FolderBackupSettings { folder: path, block: Bytes(block) })
                .unwrap()
        })
        .await;
    }
}
