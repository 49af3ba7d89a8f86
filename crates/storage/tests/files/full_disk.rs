//! Disks that are full, and filesystems that are two: a sentence, and nothing left.

use crate::fixture::{House, Mounted, by, image, listed, noise, root, stat};
use hatchery_model::provision::{PlanStep, Rung};
use hatchery_model::units::Bytes;
use hatchery_ports::disk_backend::{DiskBackend, DiskError};
use hatchery_ports::image_store::{ImageStore, ImageStoreError};
use hatchery_storage::FileOwner;
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
