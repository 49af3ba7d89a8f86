//! One inode for images with the same bytes, and when not.

use crate::fixture::{House, image, listed, noise, stat};
use bytes::Bytes as Chunk;
use hatchery_model::image::DiskFormat;
use hatchery_model::units::Bytes;
use hatchery_ports::contract::sample::qcow2_of;
use hatchery_ports::image_store::{ImageStore, StoredBytes};
use hatchery_storage::FileOwner;
use std::fs::{Permissions, hard_link, set_permissions};
use std::io::ErrorKind;
use std::os::unix::fs::{MetadataExt, PermissionsExt};

/// No filesystem with such a bound allows more names of one file.
const MANY: usize = 70_000;
const LENGTH: usize = 100_000;

async fn arrived(house: &House, number: u128) {
    let begun = house.store.begin(image(number), "up", DiskFormat::Raw, Bytes::from_gib(1)).await;
    let mut writer = begun.unwrap();
    writer.write(Chunk::from(noise(LENGTH))).await.unwrap();
    writer.finish().await.unwrap();
}

/// Shares image 1's bytes with image 2, whose bytes have arrived.
async fn share(house: &House) -> bool {
    let (what, twin) = (StoredBytes::Image(image(2)), StoredBytes::Image(image(1)));
    house.store.share(what, "up", twin, Bytes(LENGTH as u64)).await.unwrap()
}

#[tokio::test]
async fn a_shared_file_has_two_names_and_loses_one() {
    let house = House::new(FileOwner::process());
    house.upload(image(1), &noise(LENGTH)).await.unwrap();
    arrived(&house, 2).await;
    assert!(share(&house).await);
    let (one, two) = (stat(&house.image(image(1))), stat(&house.image(image(2))));
    assert_eq!((one.ino(), one.nlink()), (two.ino(), 2));
    assert_eq!(listed(&house.pool.join("images/.incoming")), Vec::<String>::new());
    house.store.delete(image(1)).await.unwrap();
    assert_eq!(stat(&house.image(image(2))).nlink(), 1);
    assert_eq!(std::fs::read(house.image(image(2))).unwrap(), noise(LENGTH));
}

#[tokio::test]
async fn a_file_that_is_not_as_it_was_sealed_is_not_shared() {
    let house = House::new(FileOwner::process());
    house.upload(image(1), &noise(LENGTH)).await.unwrap();
    arrived(&house, 2).await;
    let first = house.image(image(1));
    set_permissions(&first, Permissions::from_mode(0o600)).unwrap();
    assert!(!share(&house).await);
    set_permissions(&first, Permissions::from_mode(0o644)).unwrap();
    if nix::unistd::geteuid().is_root() {
        std::os::unix::fs::chown(&first, Some(12_345), None).unwrap();
        assert!(!share(&house).await);
        std::os::unix::fs::chown(&first, Some(0), None).unwrap();
    }
    std::fs::rename(&first, house.pool.join("aside")).unwrap();
    std::os::unix::fs::symlink(house.pool.join("aside"), &first).unwrap();
    assert!(!share(&house).await);
    std::fs::remove_file(&first).unwrap();
    assert!(!share(&house).await);
    house.store.publish(image(2), "up").await.unwrap();
    assert_eq!(std::fs::read(house.image(image(2))).unwrap(), noise(LENGTH));
}

#[tokio::test]
async fn a_file_with_all_the_names_it_can_have_is_not_shared() {
    let house = House::new(FileOwner::process());
    house.upload(image(1), &noise(LENGTH)).await.unwrap();
    arrived(&house, 2).await;
    let names = house.pool.join("names");
    std::fs::create_dir(&names).unwrap();
    let full = (0..MANY)
        .find_map(|number| hard_link(house.image(image(1)), names.join(number.to_string())).err());
    match full.map(|error| error.kind()) {
        Some(ErrorKind::TooManyLinks) => {}
        Some(other) => panic!("{other:?}"),
        None => {
            return eprintln!("SKIPPED: this filesystem allows more than {MANY} names of a file");
        }
    }
    assert!(!share(&house).await);
    house.store.publish(image(2), "up").await.unwrap();
    assert_eq!(stat(&house.image(image(2))).nlink(), 1);
    assert_eq!(std::fs::read(house.image(image(2))).unwrap(), noise(LENGTH));
}

#[tokio::test]
async fn a_link_that_was_cut_off_is_listed_and_goes_with_its_image() {
    let house = House::new(FileOwner::process());
    house.upload(image(1), &noise(LENGTH)).await.unwrap();
    let cut = house.pool.join(format!("images/.link-{}", image(2)));
    hard_link(house.image(image(1)), &cut).unwrap();
    assert_eq!(house.store.list().await.unwrap().0, [image(1), image(2)]);
    house.store.delete(image(2)).await.unwrap();
    assert_eq!(house.store.list().await.unwrap().0, [image(1)]);
    assert_eq!(stat(&house.image(image(1))).nlink(), 1);
}

#[tokio::test]
async fn a_raw_form_is_the_hypervisors_sparse_and_a_file_of_its_own() {
    let owner = if nix::unistd::geteuid().is_root() {
        FileOwner::of(12_345, 12_346)
    } else {
        FileOwner::process()
    };
    let house = House::new(owner);
    let mut disk = vec![0; 8 << 20];
    disk[..LENGTH].copy_from_slice(&noise(LENGTH));
    let id = image(1);
    let begun = house.store.begin(id, "up", DiskFormat::Qcow2, Bytes::from_gib(1)).await;
    let mut writer = begun.unwrap();
    writer.write(Chunk::from(qcow2_of(&disk))).await.unwrap();
    writer.finish().await.unwrap();
    house.store.publish(id, "up").await.unwrap();
    house.store.make_raw(id, "up", Bytes::from_gib(1)).await.unwrap();
    house.store.publish_raw(id, "up").await.unwrap();
    let path = house.pool.join("images/.raw").join(id.to_string());
    let (raw, own) = (stat(&path), stat(&house.image(id)));
    let kind = |found: &std::fs::Metadata| (found.uid(), found.gid(), found.permissions().mode());
    assert_eq!(kind(&raw), kind(&own));
    assert_ne!(raw.ino(), own.ino());
    assert_eq!(std::fs::read(&path).unwrap(), disk);
    assert!(raw.blocks() * 512 < 1 << 20, "{} blocks", raw.blocks());
}
