//! One image, its further names, and whose they are.

use crate::fixture::{House, SIZE, image, listed, noise, stat};
use hatchery_model::id::DiskId;
use hatchery_model::image::{DiskFormat, ImageFormat};
use hatchery_model::provision::Rung;
use hatchery_model::units::Bytes;
use hatchery_ports::disk_backend::DiskBackend;
use hatchery_ports::image_store::ImageStore;
use hatchery_storage::{BaseRecord, FileOwner};
use std::os::unix::fs::{MetadataExt, PermissionsExt};

/// The hypervisor's user in these tests: nobody, where we may give files away.
fn hypervisor() -> FileOwner {
    if nix::unistd::geteuid().is_root() {
        FileOwner::of(65_534, 65_534)
    } else {
        eprintln!("SKIPPED: not root, so no file changes hands");
        FileOwner::process()
    }
}

#[tokio::test]
async fn the_first_and_the_tenth_server_copy_nothing() {
    let house = House::new(hypervisor());
    let (id, bytes) = (image(1), noise(3_000_000));
    let content = house.upload(id, &bytes).await.unwrap();
    for number in 0..10 {
        let root = house.planned(id, &content, &format!("server-{number}")).await;
        let made = house.disks.create(&root).await.unwrap();
        assert_eq!((made.rung, made.bytes_copied), (Rung::HardLink, Bytes(0)));
    }
    let (sealed, cached, base) =
        (stat(&house.image(id)), stat(&house.cached(id)), stat(&house.base(id)));
    assert_eq!((sealed.dev(), sealed.ino()), (cached.dev(), cached.ino()));
    assert_eq!((sealed.dev(), sealed.ino()), (base.dev(), base.ino()));
    assert_eq!(sealed.nlink(), 3);
    assert_eq!(std::fs::read(house.base(id)).unwrap(), bytes);

    let record = std::fs::read(house.record(id)).unwrap();
    let record: BaseRecord = serde_json::from_slice(&record).unwrap();
    assert_eq!(record.image, id);
    assert_eq!(record.sha512, content.sha512);
    assert_eq!(record.format, ImageFormat::Raw);
    assert_eq!((record.size, record.virtual_size), (content.size, content.size));
    // The cache has the link; the bases have the link and the record; nothing else is there.
    assert_eq!(house.names().len(), 3);
}

#[tokio::test]
async fn files_belong_to_the_hypervisor() {
    let owner = hypervisor();
    let house = House::new(owner);
    let content = house.upload(image(1), &noise(1000)).await.unwrap();
    let root = house.planned(image(1), &content, "server").await;
    house.disks.create(&root).await.unwrap();
    let disk = house.instances.join("server/disk");
    for (path, mode) in [
        (house.image(image(1)), 0o644),
        (house.cached(image(1)), 0o644),
        (house.base(image(1)), 0o644),
        (disk, 0o600),
    ] {
        let found = stat(&path);
        assert_eq!(found.permissions().mode() & 0o7777, mode, "{}", path.display());
        assert_eq!(found.uid(), owner.uid().unwrap_or(found.uid()));
        assert_eq!(found.gid(), owner.gid().unwrap_or(found.gid()));
    }
    let incoming = stat(&house.pool.join("images/.incoming"));
    assert_eq!(incoming.permissions().mode() & 0o7777, 0o700);
}

#[tokio::test]
async fn an_image_that_somebody_else_sealed_is_handed_over() {
    let owner = hypervisor();
    let house = House::new(owner);
    let content = house.upload(image(1), &noise(1000)).await.unwrap();
    let file = house.image(image(1));
    std::os::unix::fs::chown(&file, Some(0), Some(0)).ok();
    std::fs::set_permissions(&file, PermissionsExt::from_mode(0o600)).unwrap();
    let root = house.planned(image(1), &content, "server").await;
    house.disks.create(&root).await.unwrap();
    let base = stat(&house.base(image(1)));
    assert_eq!(base.permissions().mode() & 0o7777, 0o644);
    assert_eq!(base.uid(), owner.uid().unwrap_or(base.uid()));
}

#[tokio::test]
async fn nothing_has_a_further_name_before_it_is_published() {
    let house = House::new(FileOwner::process());
    let begun = house.store.begin(image(1), "up", DiskFormat::Raw, SIZE).await;
    let mut writer = begun.unwrap();
    writer.write(noise(1 << 20).into()).await.unwrap();
    // Not even when it is asked for.
    assert!(house.store.publish(image(1), "up").await.is_err());
    assert_eq!(house.names(), Vec::<String>::new());
    assert_eq!(listed(&house.pool.join("images")), [".incoming", ".raw"]);
    let content = writer.finish().await.unwrap();
    let root = house.planned(image(1), &content, "server").await;
    assert!(house.disks.create(&root).await.is_err());
    assert_eq!(house.names(), Vec::<String>::new());
    house.store.publish(image(1), "up").await.unwrap();
    house.disks.create(&root).await.unwrap();
}

#[tokio::test]
async fn a_released_base_leaves_no_name_and_no_other_is_touched() {
    let house = House::new(FileOwner::process());
    for number in [1, 2] {
        let content = house.upload(image(number), &noise(1000)).await.unwrap();
        let disk = format!("server-{number}");
        let root = house.planned(image(number), &content, &disk).await;
        house.disks.create(&root).await.unwrap();
    }
    house.store.delete(image(1)).await.unwrap();
    // The guest of the deleted image still has its bytes.
    assert_eq!(std::fs::read(house.base(image(1))).unwrap(), noise(1000));
    house.disks.remove(&DiskId("server-1".into())).await.unwrap();
    assert!(house.disks.release_base(image(1), &[image(2)]).await.unwrap());
    // The cache's name stays: the pool's keeper knows whether another host needs it.
    assert_eq!(house.names().len(), 4);
    assert_eq!(std::fs::read(house.cached(image(1))).unwrap(), noise(1000));
    assert_eq!(stat(&house.image(image(2))).nlink(), 3);
    assert_eq!(house.disks.list_bases().await.unwrap(), [image(2)]);
}

#[tokio::test]
async fn an_image_that_bases_are_made_of_is_never_replaced() {
    let house = House::new(FileOwner::process());
    let content = house.upload(image(1), &noise(1000)).await.unwrap();
    let root = house.planned(image(1), &content, "server").await;
    house.disks.create(&root).await.unwrap();
    assert!(house.upload(image(1), &noise(2000)).await.is_err());
    assert_eq!(std::fs::read(house.image(image(1))).unwrap(), noise(1000));
}

#[tokio::test]
async fn trials_leave_nothing() {
    let house = House::new(FileOwner::process());
    let facts = house.abilities().await;
    assert_eq!(facts.hard_link, Ok(()));
    assert!(facts.free > Bytes(0));
    assert_eq!(house.names(), Vec::<String>::new());
    assert_eq!(listed(&house.pool.join("images")), [".incoming", ".raw"]);
}
