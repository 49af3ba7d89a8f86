//! What every disk backend must do, together with an image store that its images come from.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a suite fails by panicking")]

use crate::disk_backend::{CreatedDisk, DiskBackend, DiskError};
use crate::image_store::ImageStore;
use bytes::Bytes as Chunk;
use futures_util::future::join_all;
use hatchery_model::compute::RootDisk;
use hatchery_model::disk::BlockSource;
use hatchery_model::id::{DiskId, ImageId};
use hatchery_model::image::{DiskFormat, ImageFormat};
use hatchery_model::provision::{ImageFacts, Plan, PlanStep, Rung, plan};
use hatchery_model::units::Bytes;
use uuid::Uuid;

const SIZE: Bytes = Bytes::from_mib(64);

/// An empty backend, and the empty store that it takes images from.
pub struct Plugs<S, D> {
    /// Where images come from.
    pub store: S,
    /// What is tried.
    pub disks: D,
}

/// Runs every case, each on plugs of its own.
pub async fn run<S: ImageStore, D: DiskBackend>(mut make: impl FnMut() -> Plugs<S, D>) {
    run_without_bases(&mut make).await;
    a_copy_is_counted_once(&make()).await;
    many_first_disks_copy_once(&make()).await;
    a_base_that_is_not_there_is_a_conflict(&make()).await;
    other_bytes_are_refused(&make()).await;
    a_base_goes_when_nobody_needs_it(&make()).await;
}

/// Runs the cases of a backend whose disks lie on no bases.
pub async fn run_without_bases<S: ImageStore, D: DiskBackend>(
    mut make: impl FnMut() -> Plugs<S, D>,
) {
    a_planned_disk_is_made_and_made_again(&make()).await;
    a_missing_image_is_not_found(&make()).await;
    another_disk_is_never_replaced(&make()).await;
    a_removed_disk_is_gone(&make()).await;
    odd_names_lead_nowhere(&make()).await;
}

/// An image in the store.
struct Sealed {
    id: ImageId,
    sha512: String,
    facts: ImageFacts,
}

impl<S: ImageStore, D: DiskBackend> Plugs<S, D> {
    /// Puts a raw image into the store: 3 MiB of it are data.
    async fn image(&self, number: u128) -> Sealed {
        let id = ImageId(Uuid::from_u128(0x2000 + number));
        let begun = self.store.begin(id, "a", DiskFormat::Raw, SIZE).await;
        let mut writer = begun.unwrap();
        for byte in [3, 5, 9] {
            let chunk = Chunk::from(vec![byte; 1 << 20]);
            writer.write(chunk).await.unwrap();
        }
        let content = writer.finish().await.unwrap();
        self.store.publish(id, "a").await.unwrap();
        Sealed {
            id,
            sha512: content.sha512,
            facts: ImageFacts {
                format: content.inspection.format,
                size: content.size,
                virtual_size: content.inspection.virtual_bytes,
                location: content.location,
            },
        }
    }

    /// A disk by the planner's choice.
    async fn planned(&self, image: &Sealed, disk: &str) -> RootDisk {
        let target = self.disks.abilities().await.unwrap();
        let plan = plan(&image.facts, &target, None, SIZE).unwrap();
        root(image, disk, plan)
    }
}

fn root(image: &Sealed, disk: &str, plan: Plan) -> RootDisk {
    RootDisk {
        disk: DiskId(disk.to_owned()),
        image: image.id,
        image_sha512: image.sha512.clone(),
        raw: None,
        inspector_version: Some(1),
        size: SIZE,
        plan,
    }
}

/// A disk by a step of the test's choice.
fn forced(image: &Sealed, disk: &str, rung: Rung, step: PlanStep) -> RootDisk {
    let overlay = PlanStep::CreateOverlay { base_format: image.facts.format, size: SIZE };
    let plan = Plan { rung, steps: vec![step, overlay], copies: Bytes(0), refused: Vec::new() };
    root(image, disk, plan)
}

fn copied(image: &Sealed, disk: &str) -> RootDisk {
    forced(image, disk, Rung::DownloadAndConvert, PlanStep::CopyBase)
}

/// Every format is named, the disk can be written to, and its base cannot.
fn looks_right(made: &CreatedDisk) {
    let (read_only, backing, format) = match &made.source {
        BlockSource::File { read_only, backing, format, .. } => (read_only, backing, format),
        // Of Ceph only a snapshot cannot be written to.
        BlockSource::Rbd(image) => return assert_eq!(image.snapshot, None),
    };
    assert!(!read_only);
    assert_eq!(*format, ImageFormat::Qcow2);
    let Some(BlockSource::File { read_only, format, .. }) = backing.as_deref() else {
        panic!("no backing file: {:?}", made.source);
    };
    assert!(read_only);
    assert_eq!(*format, ImageFormat::Raw);
}

async fn a_planned_disk_is_made_and_made_again<S: ImageStore, D: DiskBackend>(plugs: &Plugs<S, D>) {
    let image = plugs.image(1).await;
    let root = plugs.planned(&image, "disk-1").await;
    assert_eq!(plugs.disks.find(&root.disk).await.unwrap(), None);
    let made = plugs.disks.create(&root).await.unwrap();
    looks_right(&made);
    assert_eq!(made.rung, root.plan.rung);
    assert!(made.bytes_copied <= root.plan.copies);
    assert_eq!(plugs.disks.create(&root).await.unwrap(), made);
    let found = plugs.disks.find(&root.disk).await.unwrap();
    let has_base = made.source.backing().is_some();
    assert_eq!(found, Some(made.source));
    let bases = plugs.disks.list_bases().await.unwrap();
    assert_eq!(bases, if has_base { vec![image.id] } else { vec![] });
}

async fn a_copy_is_counted_once<S: ImageStore, D: DiskBackend>(plugs: &Plugs<S, D>) {
    let image = plugs.image(1).await;
    let first = plugs.disks.create(&copied(&image, "one")).await.unwrap();
    looks_right(&first);
    assert_eq!(first.bytes_copied, image.facts.size);
    assert_eq!(first.rung, Rung::DownloadAndConvert);
    // The same answer again, although nothing was copied by the second call.
    let again = plugs.disks.create(&copied(&image, "one")).await.unwrap();
    assert_eq!(again, first);
    let second = plugs.disks.create(&copied(&image, "two")).await.unwrap();
    assert_eq!(second.bytes_copied, Bytes(0));
    let third = forced(&image, "three", Rung::CloneFromCache, PlanStep::UseBase);
    let third = plugs.disks.create(&third).await.unwrap();
    assert_eq!((third.rung, third.bytes_copied), (Rung::CloneFromCache, Bytes(0)));
}

async fn many_first_disks_copy_once<S: ImageStore, D: DiskBackend>(plugs: &Plugs<S, D>) {
    let image = plugs.image(1).await;
    let roots: Vec<RootDisk> =
        (0..12).map(|number| copied(&image, &format!("disk-{number}"))).collect();
    let made = join_all(roots.iter().map(|root| plugs.disks.create(root))).await;
    let copied = made.iter().map(|made| made.as_ref().unwrap().bytes_copied.0).sum::<u64>();
    assert_eq!(Bytes(copied), image.facts.size);
}

async fn a_base_that_is_not_there_is_a_conflict<S: ImageStore, D: DiskBackend>(
    plugs: &Plugs<S, D>,
) {
    let image = plugs.image(1).await;
    let root = forced(&image, "disk", Rung::CloneFromCache, PlanStep::UseBase);
    let error = plugs.disks.create(&root).await.unwrap_err();
    assert!(matches!(error, DiskError::Conflict(_)), "{error:?}");
    assert_eq!(plugs.disks.find(&root.disk).await.unwrap(), None);
    // Once the base is there, it is only good for the format that it has.
    plugs.disks.create(&copied(&image, "other")).await.unwrap();
    plugs.disks.create(&root).await.unwrap();
    let mut odd = forced(&image, "odd", Rung::CloneFromCache, PlanStep::UseBase);
    odd.plan.steps[1] = PlanStep::CreateOverlay { base_format: ImageFormat::Qcow2, size: SIZE };
    let error = plugs.disks.create(&odd).await.unwrap_err();
    assert!(matches!(error, DiskError::Conflict(_)), "{error:?}");
}

async fn a_missing_image_is_not_found<S: ImageStore, D: DiskBackend>(plugs: &Plugs<S, D>) {
    let image = plugs.image(1).await;
    let planned = plugs.planned(&image, "disk").await;
    plugs.store.delete(image.id).await.unwrap();
    let has_bases = planned.plan.overlay().is_some();
    for root in [Some(planned), has_bases.then(|| copied(&image, "disk"))].into_iter().flatten() {
        let error = plugs.disks.create(&root).await.unwrap_err();
        assert!(matches!(error, DiskError::NotFound(_)), "{error:?}");
        assert_eq!(plugs.disks.find(&root.disk).await.unwrap(), None);
    }
    assert_eq!(plugs.disks.list_bases().await.unwrap(), []);
}

async fn other_bytes_are_refused<S: ImageStore, D: DiskBackend>(plugs: &Plugs<S, D>) {
    let image = plugs.image(1).await;
    let mut wrong = copied(&image, "disk");
    wrong.image_sha512 = "0".repeat(128);
    assert!(plugs.disks.create(&wrong).await.is_err());
    assert_eq!(plugs.disks.find(&wrong.disk).await.unwrap(), None);
    assert_eq!(plugs.disks.list_bases().await.unwrap(), []);
    plugs.disks.create(&copied(&image, "disk")).await.unwrap();
    // Nor is a base of other bytes ever used or replaced.
    let mut planned = plugs.planned(&image, "another").await;
    planned.image_sha512 = wrong.image_sha512.clone();
    wrong.disk = DiskId("third".to_owned());
    for root in [planned, wrong] {
        let error = plugs.disks.create(&root).await.unwrap_err();
        assert!(matches!(error, DiskError::Conflict(_)), "{error:?}");
    }
}

async fn another_disk_is_never_replaced<S: ImageStore, D: DiskBackend>(plugs: &Plugs<S, D>) {
    let (one, two) = (plugs.image(1).await, plugs.image(2).await);
    let first = plugs.planned(&one, "disk").await;
    let made = plugs.disks.create(&first).await.unwrap();
    let second = plugs.planned(&two, "disk").await;
    let error = plugs.disks.create(&second).await.unwrap_err();
    assert!(matches!(error, DiskError::Conflict(_)), "{error:?}");
    assert_eq!(plugs.disks.create(&first).await.unwrap(), made);
}

async fn a_removed_disk_is_gone<S: ImageStore, D: DiskBackend>(plugs: &Plugs<S, D>) {
    let image = plugs.image(1).await;
    let (one, two) = (plugs.planned(&image, "one").await, plugs.planned(&image, "two").await);
    plugs.disks.remove(&one.disk).await.unwrap();
    plugs.disks.create(&one).await.unwrap();
    let other = plugs.disks.create(&two).await.unwrap();
    for _ in 0..2 {
        plugs.disks.remove(&one.disk).await.unwrap();
        assert_eq!(plugs.disks.find(&one.disk).await.unwrap(), None);
    }
    let found = plugs.disks.find(&two.disk).await.unwrap();
    assert_eq!(found, Some(other.source));
    plugs.disks.create(&one).await.unwrap();
}

async fn a_base_goes_when_nobody_needs_it<S: ImageStore, D: DiskBackend>(plugs: &Plugs<S, D>) {
    let image = plugs.image(1).await;
    let root = plugs.planned(&image, "disk").await;
    let made = plugs.disks.create(&root).await.unwrap();
    let release = |in_use: Vec<ImageId>| async move {
        plugs.disks.release_base(image.id, &in_use).await.unwrap()
    };
    assert!(!release(vec![]).await);
    plugs.store.delete(image.id).await.unwrap();
    assert!(!release(vec![image.id]).await);
    assert_eq!(plugs.disks.list_bases().await.unwrap(), [image.id]);
    // A guest of a deleted image goes on, and can be made again after a crash.
    assert_eq!(plugs.disks.create(&root).await.unwrap(), made);
    plugs.disks.remove(&root.disk).await.unwrap();
    for _ in 0..2 {
        assert!(release(vec![]).await);
        assert_eq!(plugs.disks.list_bases().await.unwrap(), []);
    }
    // What a pool still has of it is the very bytes; a backend without a pool has none.
    if let Ok(again) = plugs.disks.create(&root).await {
        assert_eq!(again.source, made.source);
    }
}

async fn odd_names_lead_nowhere<S: ImageStore, D: DiskBackend>(plugs: &Plugs<S, D>) {
    let image = plugs.image(1).await;
    for name in ["", ".", "..", "../x", "a/b", "/tmp/x", "a\0b", ".x"] {
        let root = plugs.planned(&image, name).await;
        assert!(plugs.disks.create(&root).await.is_err(), "{name:?}");
        assert!(plugs.disks.find(&root.disk).await.is_err(), "{name:?}");
        assert!(plugs.disks.remove(&root.disk).await.is_err(), "{name:?}");
    }
    assert_eq!(plugs.disks.list_bases().await.unwrap(), []);
}
