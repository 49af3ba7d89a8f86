//! Headers within a guest's reach are not believed, and bases that were damaged are not used.

use crate::fixture::{House, by, image, noise, root};
use hatchery_model::id::DiskId;
use hatchery_model::image::ImageFormat;
use hatchery_model::provision::{PlanStep, Rung};
use hatchery_model::units::Bytes;
use hatchery_ports::disk_backend::{DiskBackend, DiskError};
use hatchery_storage::FileOwner;
use hatchery_storage::qcow2::{Overlay, write_overlay};
use std::path::{Path, PathBuf};

async fn with_a_disk() -> (House, PathBuf, Overlay) {
    let house = House::new(FileOwner::process());
    let content = house.upload(image(1), &noise(1000)).await.unwrap();
    let root = house.planned(image(1), &content, "server").await;
    house.disks.create(&root).await.unwrap();
    let overlay = Overlay {
        backing: house.base(image(1)),
        backing_format: ImageFormat::Raw,
        size: Bytes::from_gib(1),
        note: Vec::new(),
    };
    let disk = house.instances.join("server/disk");
    (house, disk, overlay)
}

#[tokio::test]
async fn a_disk_that_names_a_foreign_file_is_not_opened() {
    let (house, disk, good) = with_a_disk().await;
    let id = DiskId("server".into());
    let sly = house.instances.join("_base/../_base").join(good.backing.file_name().unwrap());
    for backing in [
        Path::new("/etc/shadow"),
        &house.instances.join("other/disk"),
        &house.image(image(1)),
        &house.record(image(1)),
        &house.base(image(9)),
        &sly,
    ] {
        let overlay = Overlay { backing: backing.to_owned(), ..good.clone() };
        write_overlay(&disk, &overlay, FileOwner::process()).unwrap();
        let error = house.disks.find(&id).await.unwrap_err();
        assert!(matches!(error, DiskError::Conflict(_)), "{}: {error:?}", backing.display());
    }
    let format = Overlay { backing_format: ImageFormat::Qcow2, ..good.clone() };
    write_overlay(&disk, &format, FileOwner::process()).unwrap();
    assert!(matches!(house.disks.find(&id).await, Err(DiskError::Conflict(_))));
    std::fs::write(&disk, noise(100_000)).unwrap();
    assert!(matches!(house.disks.find(&id).await, Err(DiskError::Conflict(_))));
    write_overlay(&disk, &good, FileOwner::process()).unwrap();
    assert!(house.disks.find(&id).await.unwrap().is_some());
}

#[tokio::test]
async fn bytes_that_changed_in_the_pool_are_not_copied() {
    let house = House::new(FileOwner::process());
    let content = house.upload(image(1), &noise(200_000)).await.unwrap();
    let mut bytes = noise(200_000);
    bytes[100_000] ^= 1;
    std::fs::write(house.image(image(1)), bytes).unwrap();
    let root = root(image(1), &content, "server", by(Rung::DownloadAndConvert, PlanStep::CopyBase));
    assert!(house.disks.create(&root).await.is_err());
    assert_eq!(house.names(), Vec::<String>::new());
}

#[tokio::test]
async fn a_base_of_another_length_is_copied_anew_and_not_taken() {
    let house = House::new(FileOwner::process());
    let content = house.upload(image(1), &noise(200_000)).await.unwrap();
    let copied = root(image(1), &content, "one", by(Rung::DownloadAndConvert, PlanStep::CopyBase));
    house.disks.create(&copied).await.unwrap();
    std::fs::write(house.base(image(1)), noise(100_000)).unwrap();
    let taken = root(image(1), &content, "two", by(Rung::CloneFromCache, PlanStep::UseBase));
    let error = house.disks.create(&taken).await.unwrap_err();
    assert!(matches!(error, DiskError::Conflict(_)), "{error:?}");
    house.disks.create(&copied).await.unwrap();
    assert_eq!(std::fs::read(house.base(image(1))).unwrap(), noise(200_000));
}

#[tokio::test]
async fn an_image_that_is_not_what_was_planned_is_sent_back() {
    let house = House::new(FileOwner::process());
    let content = house.upload(image(1), &noise(1000)).await.unwrap();
    let mut root = root(image(1), &content, "server", by(Rung::HardLink, PlanStep::LinkBase));
    root.plan.steps[1] =
        PlanStep::CreateOverlay { base_format: ImageFormat::Qcow2, size: Bytes::from_gib(1) };
    let error = house.disks.create(&root).await.unwrap_err();
    assert!(matches!(error, DiskError::Conflict(_)), "{error:?}");
    root.plan.steps.truncate(1);
    let error = house.disks.create(&root).await.unwrap_err();
    assert!(matches!(error, DiskError::Unsupported(_)), "{error:?}");
    assert_eq!(house.names(), Vec::<String>::new());
}
