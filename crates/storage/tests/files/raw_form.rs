//! Bases made of an image's raw form, and those that stay as they were because disks name them.

use crate::fixture::{House, SIZE, image, noise, root, stat};
use hatchery_model::compute::RootDisk;
use hatchery_model::disk::BlockSource;
use hatchery_model::id::DiskId;
use hatchery_model::image::{DiskFormat, ImageContent, ImageFormat, RawForm};
use hatchery_model::provision::{ImageFacts, plan};
use hatchery_model::units::Bytes;
use hatchery_ports::disk_backend::DiskBackend;
use hatchery_ports::image_store::ImageStore;
use hatchery_storage::{BaseRecord, FileOwner};
use std::os::unix::fs::MetadataExt;
use std::process::Command;

const ID: u128 = 77;

/// A qcow2 image of 4 MiB in the pool. `None`, loudly, without `qemu-img`.
async fn qcow2(house: &House) -> Option<ImageContent> {
    let folder = tempfile::tempdir().unwrap();
    let (raw, made) = (folder.path().join("raw"), folder.path().join("made"));
    std::fs::write(&raw, noise(4 << 20)).unwrap();
    let mut command = Command::new("qemu-img");
    let done = command.args(["convert", "-f", "raw", "-O", "qcow2"]).arg(&raw).arg(&made).status();
    if done.is_err() {
        eprintln!("SKIPPED: qemu-img is not installed");
        return None;
    }
    assert!(done.unwrap().success());
    let cap = Bytes::from_gib(1);
    let begun = house.store.begin(image(ID), "q", DiskFormat::Qcow2, cap).await;
    let mut writer = begun.unwrap();
    writer.write(std::fs::read(&made).unwrap().into()).await.unwrap();
    let content = writer.finish().await.unwrap();
    house.store.publish(image(ID), "q").await.unwrap();
    Some(content)
}

/// Lays the raw form into the pool, as an ingest does.
fn with_raw_form(house: &House, content: &ImageContent) -> ImageContent {
    let path = house.pool.join("images/.raw").join(image(ID).to_string());
    std::fs::write(&path, noise(4 << 20)).unwrap();
    let raw = RawForm { size: Bytes(4 << 20), sha512: "1".repeat(128), location: None };
    ImageContent { raw: Some(raw), ..content.clone() }
}

async fn planned(house: &House, content: &ImageContent, disk: &str) -> RootDisk {
    let facts = ImageFacts {
        format: content.base_format(),
        size: content.base_size(),
        virtual_size: content.inspection.virtual_bytes,
        location: None,
    };
    let target = house.disks.abilities().await.unwrap();
    root(image(ID), content, disk, plan(&facts, &target, None, SIZE).unwrap())
}

fn record(house: &House) -> BaseRecord {
    serde_json::from_slice(&std::fs::read(house.record(image(ID))).unwrap()).unwrap()
}

fn backing_format(source: &BlockSource) -> ImageFormat {
    source.backing().unwrap().format()
}

#[tokio::test]
async fn a_base_is_a_link_of_the_raw_form_and_its_record_says_what_it_is() {
    let house = House::new(FileOwner::process());
    let content = house.upload(image(ID), &noise(1 << 20)).await.unwrap();
    let content = with_raw_form(&house, &content);
    let root = planned(&house, &content, "disk").await;
    let made = house.disks.create(&root).await.unwrap();
    assert_eq!((made.bytes_copied, made.base_format()), (Bytes(0), Some(ImageFormat::Raw)));
    let raw = house.pool.join("images/.raw").join(image(ID).to_string());
    assert_eq!(stat(&house.base(image(ID))).ino(), stat(&raw).ino());
    assert_ne!(stat(&raw).ino(), stat(&house.image(image(ID))).ino());
    let expected = BaseRecord {
        image: image(ID),
        sha512: "1".repeat(128),
        format: ImageFormat::Raw,
        virtual_size: Bytes(4 << 20),
        size: Bytes(4 << 20),
        inspector_version: Some(content.inspection.inspector_version),
    };
    assert_eq!(record(&house), expected);
    assert_eq!(house.disks.create(&root).await.unwrap(), made);
}

#[tokio::test]
async fn a_base_that_disks_name_as_qcow2_stays_so_until_none_does() {
    let house = House::new(FileOwner::process());
    let Some(content) = qcow2(&house).await else {
        return;
    };
    let first = planned(&house, &content, "first").await;
    let made = house.disks.create(&first).await.unwrap();
    assert_eq!(made.base_format(), Some(ImageFormat::Qcow2));

    // The setting is switched on: the image gets a raw form, and the next disk is planned on that one.
    let switched = with_raw_form(&house, &content);
    let second = planned(&house, &switched, "second").await;
    for _ in 0..2 {
        let made = house.disks.create(&second).await.unwrap();
        assert_eq!(made.base_format(), Some(ImageFormat::Qcow2));
        assert_eq!(stat(&house.base(image(ID))).ino(), stat(&house.image(image(ID))).ino());
    }
    // A base that is lost meanwhile comes back as what its disks name, never as the raw form.
    std::fs::remove_file(house.base(image(ID))).unwrap();
    house.disks.create(&planned(&house, &switched, "third").await).await.unwrap();
    assert_eq!(stat(&house.base(image(ID))).ino(), stat(&house.image(image(ID))).ino());
    for disk in ["first", "second", "third"] {
        let found = house.disks.find(&DiskId(disk.into())).await.unwrap().unwrap();
        assert_eq!(backing_format(&found), ImageFormat::Qcow2, "{disk}");
        house.disks.remove(&DiskId(disk.into())).await.unwrap();
    }

    let made = house.disks.create(&planned(&house, &switched, "fourth").await).await.unwrap();
    assert_eq!(made.base_format(), Some(ImageFormat::Raw));
    assert_eq!(record(&house).format, ImageFormat::Raw);
    assert_ne!(stat(&house.base(image(ID))).ino(), stat(&house.image(image(ID))).ino());
}
