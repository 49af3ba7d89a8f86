//! Disks that are full, and filesystems that are two: a sentence, and nothing left.

use crate::fixture::{House, Mounted, by, image, listed, noise, root, stat};
use hatchery_model::id::VolumeId;
use hatchery_model::image::ImageFormat;
use hatchery_model::provision::{PlanStep, Rung};
use hatchery_model::units::Bytes;
use hatchery_model::volume::{NewVolume, VolumeContent};
use hatchery_ports::disk_backend::{DiskBackend, DiskError};
use hatchery_ports::image_store::{ImageStore, ImageStoreError};
use hatchery_ports::volume_backend::{VolumeBackend, VolumeError};
use hatchery_storage::{FileOwner, FileVolumeBackend, FileVolumeSettings};
use std::os::unix::fs::MetadataExt;

#[tokio::test]
async fn an_upload_that_finds_no_room_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let Some(_mounted) = Mounted::memory(folder.path(), "8M") else {
        return;
    };
    let house = House::at(folder.path(), FileOwner::process());
    let free = house.abilities().await.free;
    for _ in 0..3 {
        let error = house.upload(image(1), &noise(16 << 20)).await.unwrap_err();
        assert!(matches!(error, ImageStoreError::Exhausted(_)), "{error:?}");
        assert_eq!(house.store.list().await.unwrap(), (vec![], vec![]));
        assert_eq!(house.abilities().await.free, free);
    }
    // What fits still goes in, and so do zeroes that take no room.
    house.upload(image(1), &noise(4 << 20)).await.unwrap();
    house.upload(image(2), &vec![0; 64 << 20]).await.unwrap();
    assert_eq!(house.store.list().await.unwrap().0.len(), 2);
}

#[tokio::test]
async fn two_filesystems_are_told_and_copied_across_once() {
    let Some((house, _mounted)) = House::on_two_filesystems(FileOwner::process(), "64M") else {
        return;
    };
    let content = house.upload(image(1), &noise(3_000_000)).await.unwrap();
    let facts = house.abilities().await;
    for reason in [facts.hard_link.unwrap_err(), facts.reflink.unwrap_err()] {
        assert!(reason.contains("two filesystems"), "{reason}");
    }
    let first = house.planned(image(1), &content, "one").await;
    let made = house.disks.create(&first).await.unwrap();
    assert_eq!((made.rung, made.bytes_copied), (Rung::DownloadAndConvert, content.size));
    assert_ne!(stat(&house.base(image(1))).dev(), stat(&house.image(image(1))).dev());
    // A plan that was made for one filesystem is sent back.
    let linked = root(image(1), &content, "two", by(Rung::HardLink, PlanStep::LinkBase));
    let error = house.disks.create(&linked).await.unwrap_err();
    assert!(
        matches!(&error, DiskError::Conflict(text) if text.contains("plan again")),
        "{error:?}"
    );
}

/// A volume's user is told what is missing, before a byte is copied, and nothing is left.
#[tokio::test]
async fn an_image_that_finds_no_room_in_the_backend_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let (images, volumes) = (folder.path().join("pool"), folder.path().join("volumes"));
    let Some(_mounted) = Mounted::memory(&volumes, "2M") else { return };
    let house = House::at(folder.path(), FileOwner::process());
    let backend = FileVolumeBackend::new(FileVolumeSettings {
        backend: "file".to_owned(),
        pool: "file".to_owned(),
        images,
        folder: volumes.clone(),
        owner: FileOwner::process(),
        format: ImageFormat::Raw,
    })
    .unwrap();
    let raw = house.upload(image(1), &noise(3_000_000)).await.unwrap();
    let wanted = |sha512: &str| NewVolume {
        volume: VolumeId(uuid::Uuid::from_u128(1)),
        size: Bytes::from_mib(64),
        content: VolumeContent::Image {
            image: image(1),
            image_sha512: sha512.to_owned(),
            raw: None,
            plan: by(Rung::DownloadAndConvert, PlanStep::CopyImage),
        },
        holds_image: false,
    };
    let before = listed(&volumes);
    let error = backend.create(&wanted(&raw.sha512)).await.unwrap_err();
    assert!(
        matches!(&error, VolumeError::Exhausted(text) if text.contains("the image takes")),
        "{error:?}"
    );
    assert_eq!(listed(&volumes), before);
    assert_eq!(backend.list().await.unwrap(), []);
}

#[tokio::test]
async fn a_copy_that_finds_no_room_leaves_nothing() {
    let Some((house, _mounted)) = House::on_two_filesystems(FileOwner::process(), "1M") else {
        return;
    };
    let content = house.upload(image(1), &noise(3_000_000)).await.unwrap();
    let free = house.abilities().await.free;
    assert!(free < Bytes::from_mib(2));
    let copied = root(image(1), &content, "one", by(Rung::DownloadAndConvert, PlanStep::CopyBase));
    let error = house.disks.create(&copied).await.unwrap_err();
    assert!(matches!(error, DiskError::Exhausted(_)), "{error:?}");
    assert_eq!(house.names(), Vec::<String>::new());
    assert_eq!(listed(&house.instances), ["_base"]);
    assert_eq!(house.abilities().await.free, free);
}
