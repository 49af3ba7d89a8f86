//! Snapshots of volumes of files that a hypervisor copies: here a stand-in for one writes the copy.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

use hatchery_model::disk::BlockSource;
use hatchery_model::id::{SnapshotId, VolumeId};
use hatchery_model::image::ImageFormat;
use hatchery_model::units::Bytes;
use hatchery_model::volume::{NewVolume, VolumeContent};
use hatchery_ports::volume_backend::{CopiedSnapshots, Held, Opened, VolumeBackend, VolumeError};
use hatchery_storage::{FileImageStore, FileOwner, FileVolumeBackend, FileVolumeSettings};
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;
use uuid::Uuid;

const VOLUME: VolumeId = VolumeId(Uuid::from_u128(1));
const SNAPSHOT: SnapshotId = SnapshotId(Uuid::from_u128(2));
const SIZE: Bytes = Bytes(2 << 20);

fn backend(home: &TempDir) -> FileVolumeBackend {
    let (images, owner) = (home.path().join("pool"), FileOwner::process());
    FileImageStore::new(&images, owner).unwrap();
    FileVolumeBackend::new(FileVolumeSettings {
        backend: "file".into(),
        pool: "file".into(),
        images,
        folder: home.path().join("volumes"),
        owner,
        format: ImageFormat::Raw,
    })
    .unwrap()
}

/// Writes `byte` into the copy's second cluster.
fn copy(into: &BlockSource, byte: u8) {
    let write = format!("write -P {byte} 64k 64k");
    let done = Command::new("qemu-io").args(["-f", "qcow2", "-c", &write]).arg(path(into)).output();
    let done = done.unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stdout));
}

fn path(source: &BlockSource) -> &Path {
    source.path().unwrap()
}

async fn byte(backend: &FileVolumeBackend, what: Opened) -> u8 {
    let mut bytes = backend.open(what).await.unwrap();
    assert_eq!(bytes.size(), SIZE);
    bytes.read(100 << 10, 512).await.unwrap()[0]
}

#[tokio::test]
async fn a_copy_is_the_snapshot_once_it_is_whole() {
    let home = TempDir::new().unwrap();
    let first = backend(&home);
    let new =
        NewVolume { volume: VOLUME, size: SIZE, content: VolumeContent::Empty, holds_image: false };
    let before = first.create(&new).await.unwrap().source;
    let cut_off = first.begin_copy(VOLUME, SNAPSHOT).await.unwrap().unwrap();
    copy(&cut_off, 7);
    // Nobody takes it for a snapshot, and no sweep takes it away, also of the next process.
    assert_eq!(first.list().await.unwrap(), [Held::Volume(VOLUME)]);
    let next = backend(&home);
    assert!(path(&cut_off).exists());
    // Made again, the unfinished one goes.
    let again = next.begin_copy(VOLUME, SNAPSHOT).await.unwrap().unwrap();
    assert!(!path(&cut_off).exists() && path(&again) != path(&cut_off));
    copy(&again, 9);
    for _ in 0..2 {
        next.keep_copy(VOLUME, SNAPSHOT).await.unwrap();
    }
    assert_eq!(next.begin_copy(VOLUME, SNAPSHOT).await.unwrap(), None);
    assert_eq!(next.list().await.unwrap().len(), 2);
    assert_eq!(next.find(VOLUME).await.unwrap(), Some(before), "the volume is where it was");
    assert_eq!(byte(&next, Opened::Snapshot(VOLUME, SNAPSHOT)).await, 9);
    assert_eq!(byte(&next, Opened::Volume(VOLUME)).await, 0);
    // It is a snapshot like any other.
    let of = NewVolume {
        volume: VolumeId(Uuid::from_u128(3)),
        size: SIZE,
        content: VolumeContent::Snapshot(VOLUME, SNAPSHOT),
        holds_image: false,
    };
    next.create(&of).await.unwrap();
    next.revert(VOLUME, SNAPSHOT).await.unwrap();
    next.remove_snapshot(VOLUME, SNAPSHOT).await.unwrap();
    assert_eq!(byte(&next, Opened::Volume(of.volume)).await, 9);
    assert_eq!(byte(&next, Opened::Volume(VOLUME)).await, 9);
}

#[tokio::test]
async fn what_is_not_kept_goes() {
    let home = TempDir::new().unwrap();
    let backend = backend(&home);
    let none = backend.begin_copy(VOLUME, SNAPSHOT).await;
    assert!(matches!(none, Err(VolumeError::NotFound(_))), "{none:?}");
    let new =
        NewVolume { volume: VOLUME, size: SIZE, content: VolumeContent::Empty, holds_image: false };
    backend.create(&new).await.unwrap();
    let into = backend.begin_copy(VOLUME, SNAPSHOT).await.unwrap().unwrap();
    backend.remove_snapshot(VOLUME, SNAPSHOT).await.unwrap();
    assert!(!path(&into).exists());
    assert!(matches!(backend.keep_copy(VOLUME, SNAPSHOT).await, Err(VolumeError::NotFound(_))));
    let into = backend.begin_copy(VOLUME, SNAPSHOT).await.unwrap().unwrap();
    backend.remove(VOLUME).await.unwrap();
    assert!(!path(&into).exists());
}
