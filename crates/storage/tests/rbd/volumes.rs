//! Volumes in Ceph as `client.cinder` sees them, and what is left in the pools.

use crate::fixture::{cinder, on, settings};
use bytes::Bytes as Chunk;
use hatchery_model::disk::BlockSource;
use hatchery_model::id::{ImageId, SnapshotId, VolumeId};
use hatchery_model::image::DiskFormat;
use hatchery_model::provision::{ImageLocation, Plan, PlanStep, Rung};
use hatchery_model::units::Bytes;
use hatchery_model::volume::{NewVolume, VolumeContent};
use hatchery_ports::image_store::ImageStore;
use hatchery_ports::volume_backend::{CreatedVolume, Held, Opened, VolumeBackend, VolumeError};
use hatchery_storage::rbd::CephClient;
use hatchery_storage::{
    RbdImageSource, RbdImageStore, RbdImageStoreSettings, RbdVolumeBackend, RbdVolumeSettings,
};
use hatchery_testkit::CephCluster;
use std::collections::BTreeSet;
use std::time::Duration;
use uuid::Uuid;

const MIB: u64 = 1 << 20;
const SIZE: Bytes = Bytes::from_mib(32);

/// A backend, and ids that no other test of the shared cluster has.
pub struct Cloud {
    pub ceph: &'static CephCluster,
    pub volumes: RbdVolumeBackend,
    first: u128,
}

impl Cloud {
    pub fn new(
        test: &str,
        first: u128,
        change: impl FnOnce(&mut RbdVolumeSettings),
    ) -> Option<Self> {
        let ceph = CephCluster::shared(test)?;
        let images = RbdImageSource { pool: Some("images".to_owned()), files: None };
        let mut settings = RbdVolumeSettings {
            rbd_pool: "volumes".to_owned(),
            retries: 0,
            retry_interval: Duration::ZERO,
            ..RbdVolumeSettings::new("ceph", settings(ceph, "cinder"), images)
        };
        change(&mut settings);
        let first = first << 32;
        Some(Self { ceph, volumes: RbdVolumeBackend::new(settings), first })
    }

    pub fn volume(&self, number: u128) -> VolumeId {
        VolumeId(Uuid::from_u128(self.first + number))
    }

    pub fn snapshot(&self, number: u128) -> SnapshotId {
        SnapshotId(Uuid::from_u128(self.first + 0x1000 + number))
    }

    pub async fn make(
        &self,
        number: u128,
        content: VolumeContent,
    ) -> Result<CreatedVolume, VolumeError> {
        let new =
            NewVolume { volume: self.volume(number), size: SIZE, content, holds_image: false };
        let made = self.volumes.create(&new).await?;
        // Made again, it is the same.
        assert_eq!(self.volumes.create(&new).await?, made);
        Ok(made)
    }

    pub async fn write(&self, number: u128, offset: u64, byte: u8) {
        let what = Opened::ForWriting(self.volume(number));
        let mut open = self.volumes.open(what).await.unwrap();
        open.write(offset, Chunk::from(vec![byte; 1 << 20])).await.unwrap();
        open.close().await.unwrap();
    }

    pub async fn byte(&self, number: u128, offset: u64) -> u8 {
        let what = Opened::Volume(self.volume(number));
        self.volumes.open(what).await.unwrap().read(offset, 1).await.unwrap()[0]
    }

    /// What `rbd` says that the volume was cloned from.
    pub fn parent(&self, number: u128) -> Option<String> {
        let name = format!("volumes/volume-{}", self.volume(number));
        let info = self.ceph.rbd(&["info", &name]);
        info.lines().find_map(|line| line.trim().strip_prefix("parent: ").map(str::to_owned))
    }

    /// All of this test in the pool: images, trash, notes.
    pub async fn left(&self) -> BTreeSet<String> {
        let head = self.volume(0).to_string()[..28].to_owned();
        let client = cinder(self.ceph);
        let left = on(&client, move |ceph| {
            let pool = ceph.pool("volumes")?;
            let mut left: BTreeSet<String> = pool.list()?.into_iter().map(|one| one.name).collect();
            left.extend(pool.trash()?.into_iter().map(|one| format!("trash {}", one.name)));
            for (key, value) in pool.notes("hatchery.")? {
                left.insert(format!("{key} {value}"));
            }
            Ok(left)
        });
        left.await.unwrap().into_iter().filter(|name| name.contains(&head)).collect()
    }

    /// What the backend says that it holds of this test.
    pub async fn held(&self) -> Vec<Held> {
        let ids: Vec<VolumeId> = (0..64).map(|number| self.volume(number)).collect();
        let held = self.volumes.list().await.unwrap();
        let of = |one: &Held| match one {
            Held::Volume(volume) | Held::Snapshot(volume, _) => ids.contains(volume),
        };
        held.into_iter().filter(of).collect()
    }
}

/// An image in the pool of images, as Glance keeps it.
pub async fn image(ceph: &'static CephCluster, id: u128) -> ImageLocation {
    let name = ImageId(Uuid::from_u128(id)).to_string();
    let glance = CephClient::of(settings(ceph, "glance"));
    on(&glance, move |ceph| {
        let pool = ceph.pool("images")?;
        pool.create(&name, 16 * MIB, 23)?;
        let image = pool.open(&name)?;
        image.write(MIB, &vec![5; 1 << 20])?;
        image.snapshot("snap")?;
        image.protect("snap")?;
        image.close()?;
        let (pool, snapshot) = ("images".to_owned(), "snap".to_owned());
        Ok(ImageLocation { fsid: ceph.fsid().to_owned(), pool, image: name, snapshot })
    })
    .await
    .unwrap()
}

pub fn clone_of(image: u128, location: &ImageLocation) -> VolumeContent {
    VolumeContent::Image {
        image: ImageId(Uuid::from_u128(image)),
        image_sha512: String::new(),
        raw: None,
        plan: Plan {
            rung: Rung::CloneInPlace,
            steps: vec![PlanStep::CloneImage(location.clone())],
            copies: Bytes(0),
            refused: Vec::new(),
        },
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_is_cloned_where_it_lies() {
    let test = "an_image_is_cloned_where_it_lies";
    let Some(cloud) = Cloud::new(test, 0x51, |_| {}) else { return };
    let location = image(cloud.ceph, 0x5100).await;
    let made = cloud.make(1, clone_of(0x5100, &location)).await.unwrap();
    assert_eq!((made.rung, made.bytes_copied), (Some(Rung::CloneInPlace), Bytes(0)));
    let BlockSource::Rbd(source) = &made.source else { panic!("{made:?}") };
    assert_eq!((source.pool.as_str(), source.user.as_str()), ("volumes", "cinder"));
    assert_eq!(cloud.parent(1), Some(format!("images/{}@snap", location.image)));
    assert_eq!((cloud.byte(1, MIB).await, cloud.byte(1, 20 * MIB).await), (5, 0));

    let elsewhere = ImageLocation { fsid: "other".to_owned(), ..location.clone() };
    let error = cloud.make(2, clone_of(0x5100, &elsewhere)).await.unwrap_err();
    assert!(matches!(error, VolumeError::Conflict(_)), "{error:?}");
    // Glance deletes the image; the volume lives on, and then nothing is left.
    let glance = CephClient::of(settings(cloud.ceph, "glance"));
    let name = location.image.clone();
    on(&glance, move |ceph| {
        let pool = ceph.pool("images")?;
        let image = pool.open(&name)?;
        image.unprotect("snap")?;
        image.remove_snapshot("snap")?;
        image.close()?;
        pool.move_to_trash(&name)
    })
    .await
    .unwrap();
    assert_eq!(cloud.byte(1, MIB).await, 5);
    let error = cloud.make(3, clone_of(0x5100, &location)).await.unwrap_err();
    assert!(matches!(error, VolumeError::NotFound(_)), "{error:?}");
    cloud.volumes.remove(cloud.volume(1)).await.unwrap();
    assert_eq!(cloud.left().await, BTreeSet::new());
    let name = location.image.clone();
    on(&glance, move |ceph| {
        let pool = ceph.pool("images")?;
        let trashed = pool.trash()?.into_iter().find(|one| one.name == name);
        pool.remove_from_trash(&trashed.unwrap())
    })
    .await
    .unwrap();
}

/// As above with our own image store: its deletion is accepted, and finished with the volume. Both users have their own pools only.
#[tokio::test(flavor = "multi_thread")]
async fn an_image_with_clones_can_be_deleted() {
    let test = "an_image_with_clones_can_be_deleted";
    let Some(cloud) = Cloud::new(test, 0x52, |_| {}) else { return };
    let images = RbdImageStore::new(RbdImageStoreSettings {
        ceph: settings(cloud.ceph, "glance"),
        pool: "images".to_owned(),
        object_order: 23,
        conversion_folder: cloud.ceph.path("conversion"),
    });
    let id = ImageId(Uuid::from_u128(0x5200));
    let mut writer = images.begin(id, "up", DiskFormat::Raw, SIZE).await.unwrap();
    for byte in [3, 0, 5] {
        writer.write(Chunk::from(vec![byte; 1 << 20])).await.unwrap();
    }
    let content = writer.finish().await.unwrap();
    images.publish(id, "up").await.unwrap();
    let location = content.location.unwrap();
    assert_eq!((location.pool.as_str(), location.image), ("images", id.to_string()));
    let info = cloud.ceph.rbd(&["snap", "ls", &format!("images/{id}")]);
    assert!(info.contains("snap") && info.contains("yes"), "{info}");
    let location = ImageLocation { image: id.to_string(), ..image_location(cloud.ceph) };
    let made = cloud.make(1, clone_of(0x5200, &location)).await.unwrap();
    assert_eq!(made.bytes_copied, Bytes(0));
    for _ in 0..2 {
        images.delete(id).await.unwrap();
        assert!(!images.list().await.unwrap().0.contains(&id));
    }
    let in_trash = || cloud.ceph.rbd(&["trash", "ls", "images"]).contains(&id.to_string());
    assert!(in_trash());
    let waits = async || images.finish_removals().await.unwrap().contains(&id.to_string());
    assert!(waits().await && in_trash());
    assert_eq!((cloud.byte(1, 0).await, cloud.byte(1, 2 * MIB).await), (3, 5));
    cloud.volumes.remove(cloud.volume(1)).await.unwrap();
    assert!(!waits().await && !in_trash());
}

fn image_location(ceph: &CephCluster) -> ImageLocation {
    let (pool, snapshot) = ("images".to_owned(), "snap".to_owned());
    ImageLocation { fsid: ceph.fsid(), pool, image: String::new(), snapshot }
}

/// A chain of copies is no longer than was set; 0 has each copied.
#[tokio::test(flavor = "multi_thread")]
async fn chains_end_where_they_should() {
    for (number, depth) in [(0x60, 0), (0x61, 1), (0x62, 2), (0x65, 5)] {
        let test = "chains_end_where_they_should";
        let Some(cloud) = Cloud::new(test, number, |set| set.max_clone_depth = depth) else {
            return;
        };
        cloud.make(1, VolumeContent::Empty).await.unwrap();
        cloud.write(1, 3 * MIB, 7).await;
        let mut flattened = Vec::new();
        for copy in 2..=8_u128 {
            let of = VolumeContent::Volume(cloud.volume(copy - 1));
            let made = cloud.make(copy, of).await.unwrap();
            if made.bytes_copied.0 > 0 {
                flattened.push(copy);
            }
            cloud.write(copy, 8 * MIB, copy as u8).await;
            assert_eq!((cloud.byte(copy, 3 * MIB).await, cloud.byte(1, 8 * MIB).await), (7, 0));
        }
        let expected: &[u128] = match depth {
            0 => &[2, 3, 4, 5, 6, 7, 8],
            1 => &[3, 4, 5, 6, 7, 8],
            2 => &[4, 6, 8],
            _ => &[7],
        };
        assert_eq!(flattened, expected, "{depth}");
        assert_eq!(cloud.parent(8).is_none(), depth == 0);
        let target = cloud.volumes.report().await.target;
        assert_eq!(target.clones.is_ok(), depth > 0);
        // In the order that they were made, so that each removed one is still needed.
        for copy in 1..=8 {
            cloud.volumes.remove(cloud.volume(copy)).await.unwrap();
            assert!(!cloud.held().await.contains(&Held::Volume(cloud.volume(copy))));
        }
        assert_eq!(cloud.left().await, BTreeSet::new(), "{depth}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_volume_from_a_snapshot_can_stand_by_itself() {
    let test = "a_volume_from_a_snapshot_can_stand_by_itself";
    for flatten in [false, true] {
        let change = |set: &mut RbdVolumeSettings| set.flatten_volume_from_snapshot = flatten;
        let Some(cloud) = Cloud::new(test, 0x70 + u128::from(flatten), change) else { return };
        cloud.make(1, VolumeContent::Empty).await.unwrap();
        cloud.write(1, 0, 7).await;
        cloud.volumes.snapshot(cloud.volume(1), cloud.snapshot(1)).await.unwrap();
        let of = VolumeContent::Snapshot(cloud.volume(1), cloud.snapshot(1));
        let made = cloud.make(2, of).await.unwrap();
        assert_eq!((made.bytes_copied.0 > 0, cloud.parent(2).is_none()), (flatten, flatten));
        cloud.volumes.remove_snapshot(cloud.volume(1), cloud.snapshot(1)).await.unwrap();
        cloud.volumes.remove(cloud.volume(1)).await.unwrap();
        assert_eq!(cloud.byte(2, 0).await, 7);
        assert_eq!(cloud.left().await.len(), if flatten { 1 } else { 3 });
        cloud.volumes.remove(cloud.volume(2)).await.unwrap();
        assert_eq!(cloud.left().await, BTreeSet::new());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_in_use_stays_and_what_is_extended_stays_large() {
    let test = "what_is_in_use_stays_and_what_is_extended_stays_large";
    let Some(cloud) = Cloud::new(test, 0x71, |_| {}) else { return };
    let (volume, taken) = (cloud.volume(1), cloud.snapshot(1));
    cloud.make(1, VolumeContent::Empty).await.unwrap();
    cloud.write(1, 0, 1).await;
    cloud.volumes.snapshot(volume, taken).await.unwrap();
    cloud.write(1, 0, 2).await;
    cloud.volumes.extend(volume, Bytes(2 * SIZE.0)).await.unwrap();
    cloud.write(1, 40 * MIB, 3).await;

    // Another client has it open, as a hypervisor would.
    let wait = Duration::from_secs(43);
    let other = CephClient::of(hatchery_storage::rbd::CephSettings {
        answer_timeout: wait,
        ..settings(cloud.ceph, "cinder")
    });
    let name = format!("volume-{volume}");
    let user = on(&other, move |ceph| ceph.pool("volumes")?.open(&name)).await.unwrap();
    for error in [
        cloud.volumes.revert(volume, taken).await.unwrap_err(),
        cloud.volumes.open(Opened::Anew(volume)).await.err().unwrap(),
    ] {
        assert!(
            matches!(&error, VolumeError::Conflict(text) if text.contains("in use")),
            "{error}"
        );
    }
    cloud.volumes.extend(volume, Bytes(3 * SIZE.0)).await.unwrap();
    assert_eq!(user.size().unwrap(), 3 * SIZE.0);
    user.close().unwrap();

    for _ in 0..2 {
        cloud.volumes.revert(volume, taken).await.unwrap();
        assert_eq!(cloud.byte(1, 0).await, 1);
        assert_eq!(cloud.byte(1, 40 * MIB).await, 0);
        let open = cloud.volumes.open(Opened::Volume(volume)).await.unwrap();
        assert_eq!(open.size(), Bytes(3 * SIZE.0));
    }
    assert_eq!(cloud.held().await, [Held::Volume(volume), Held::Snapshot(volume, taken)]);
    cloud.volumes.remove_snapshot(volume, taken).await.unwrap();
    let name = format!("volume-{volume}");
    let user = on(&other, move |ceph| ceph.pool("volumes")?.open(&name)).await.unwrap();
    let error = cloud.volumes.remove(volume).await.unwrap_err();
    assert!(matches!(&error, VolumeError::Conflict(text) if text.contains("in use")), "{error}");
    // Begun by somebody who died, and refused since: no sweep goes on with it, neither now nor when it is free.
    let name = format!("volume-{volume}");
    let begun = on(&other, move |ceph| {
        let pool = ceph.pool("volumes")?;
        let id = pool.open_to_read(&name, None)?.id()?;
        pool.set_note(&format!("hatchery.removing.{id}"), &name)
    });
    begun.await.unwrap();
    cloud.volumes.sweep().await.unwrap();
    user.close().unwrap();
    cloud.volumes.sweep().await.unwrap();
    assert_eq!(cloud.byte(1, 0).await, 1);
    cloud.volumes.remove(volume).await.unwrap();
    assert_eq!(cloud.left().await, BTreeSet::new());
}

/// What others have protected and cloned in format 1, as Cinder does by default, is let go by flattening.
#[tokio::test(flavor = "multi_thread")]
async fn clones_of_the_old_format_are_flattened() {
    let test = "clones_of_the_old_format_are_flattened";
    let Some(cloud) = Cloud::new(test, 0x72, |_| {}) else { return };
    cloud.make(1, VolumeContent::Empty).await.unwrap();
    cloud.write(1, 0, 9).await;
    cloud.volumes.snapshot(cloud.volume(1), cloud.snapshot(1)).await.unwrap();
    let snapshot = format!("volumes/volume-{}@snapshot-{}", cloud.volume(1), cloud.snapshot(1));
    let clone = format!("volumes/volume-{}", cloud.volume(2));
    cloud.ceph.rbd(&["snap", "protect", &snapshot]);
    cloud.ceph.rbd(&["clone", "--rbd-default-clone-format", "1", &snapshot, &clone]);
    cloud.volumes.remove_snapshot(cloud.volume(1), cloud.snapshot(1)).await.unwrap();
    assert_eq!((cloud.parent(2), cloud.byte(2, 0).await), (None, 9));
    for number in 1..=2 {
        cloud.volumes.remove(cloud.volume(number)).await.unwrap();
    }
    assert_eq!(cloud.left().await, BTreeSet::new());
}
