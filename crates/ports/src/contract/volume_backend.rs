//! What every volume backend must do, together with an image store that its images come from.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a suite fails by panicking")]

use crate::image_store::ImageStore;
use crate::volume_backend::{Held, Opened, VolumeBackend, VolumeError};
use bytes::Bytes as Chunk;
use futures_util::future::join_all;
use hatchery_model::id::{ImageId, SnapshotId, VolumeId};
use hatchery_model::image::DiskFormat;
use hatchery_model::provision::{
    ImageFacts, Plan, PlanStep, Rung, VolumeCopies, WantedVolume, plan_volume,
};
use hatchery_model::units::Bytes;
use hatchery_model::volume::{NewVolume, VolumeContent};
use uuid::Uuid;

const SIZE: Bytes = Bytes::from_mib(64);
const MIB: u64 = 1 << 20;

/// An empty backend, and the empty store that it takes images from.
pub struct Plugs<S, V> {
    /// Where images come from.
    pub store: S,
    /// What is tried.
    pub volumes: V,
}

/// Runs every case, each on plugs of its own.
pub async fn run<S: ImageStore, V: VolumeBackend>(mut make: impl FnMut() -> Plugs<S, V>) {
    an_empty_volume_is_made_and_made_again(&make()).await;
    a_planned_volume_holds_the_image(&make()).await;
    a_copy_is_counted_and_whole(&make()).await;
    a_missing_image_leaves_nothing(&make()).await;
    a_snapshot_keeps_what_was(&make()).await;
    copies_are_independent(&make()).await;
    what_is_written_anew_holds_nothing_else(&make()).await;
    a_volume_that_holds_an_image_has_many_clones(&make()).await;
    a_larger_volume_has_zeroes_behind(&make()).await;
    what_is_not_there_is_not_found(&make()).await;
    many_at_once_are_all_whole(&make()).await;
    a_volume_goes_out_and_comes_in_again(&make()).await;
    what_leads_elsewhere_is_not_taken(&make()).await;
}

fn volume(number: u128) -> VolumeId {
    VolumeId(Uuid::from_u128(0x3000 + number))
}

fn snapshot(number: u128) -> SnapshotId {
    SnapshotId(Uuid::from_u128(0x4000 + number))
}

fn new(number: u128, size: Bytes, content: VolumeContent) -> NewVolume {
    NewVolume { volume: volume(number), size, content, holds_image: false }
}

impl<S: ImageStore, V: VolumeBackend> Plugs<S, V> {
    /// A raw image of 8 MiB whose first three are data.
    async fn image(&self, number: u128) -> (ImageId, String, ImageFacts) {
        let id = ImageId(Uuid::from_u128(0x2000 + number));
        let mut writer = self.store.begin(id, "a", DiskFormat::Raw, SIZE).await.unwrap();
        for byte in [3, 5, 9, 0, 0, 0, 0, 0] {
            writer.write(Chunk::from(vec![byte; 1 << 20])).await.unwrap();
        }
        let content = writer.finish().await.unwrap();
        self.store.publish(id, "a").await.unwrap();
        let facts = ImageFacts {
            format: content.inspection.format,
            size: content.size,
            virtual_size: content.inspection.virtual_bytes,
            location: content.location.clone(),
        };
        (id, content.sha512, facts)
    }

    async fn planned(&self, image: &(ImageId, String, ImageFacts)) -> VolumeContent {
        let target = self.volumes.report().await.target;
        let wanted = WantedVolume { size: SIZE, encrypted: false };
        let plan = plan_volume(&image.2, &target, &VolumeCopies::default(), wanted).unwrap();
        VolumeContent::Image { image: image.0, image_sha512: image.1.clone(), raw: None, plan }
    }

    async fn byte(&self, what: Opened, offset: u64) -> u8 {
        let mut open = self.volumes.open(what).await.unwrap();
        let bytes = open.read(offset, 512).await.unwrap();
        assert!(bytes.iter().all(|byte| *byte == bytes[0]));
        open.close().await.unwrap();
        bytes[0]
    }

    async fn write(&self, number: u128, offset: u64, byte: u8) {
        let mut open = self.volumes.open(Opened::ForWriting(volume(number))).await.unwrap();
        open.write(offset, Chunk::from(vec![byte; 1 << 20])).await.unwrap();
        open.close().await.unwrap();
    }

    /// The image's bytes, and zeroes behind them; runs of data cover all that is not zero.
    async fn holds_the_image(&self, number: u128) {
        let what = Opened::Volume(volume(number));
        for (at, byte) in [(0, 3), (1, 5), (2, 9), (3, 0), (40, 0), (63, 0)] {
            assert_eq!(self.byte(what, at * MIB).await, byte);
        }
        let mut open = self.volumes.open(what).await.unwrap();
        assert_eq!(open.size(), SIZE);
        let (mut from, mut data) = (0, 0);
        while let Some((offset, length)) = open.next_data(from).await.unwrap() {
            assert!(offset >= from && length > 0);
            data += if offset < 3 * MIB { length } else { 0 };
            from = offset + length;
        }
        assert!(data >= 3 * MIB, "{data}");
        let error = open.write(0, Chunk::from_static(&[1])).await.unwrap_err();
        assert!(matches!(error, VolumeError::Unsupported(_)), "{error:?}");
    }
}

async fn an_empty_volume_is_made_and_made_again<S: ImageStore, V: VolumeBackend>(p: &Plugs<S, V>) {
    assert_eq!(p.volumes.find(volume(1)).await.unwrap(), None);
    let wanted = new(1, SIZE, VolumeContent::Empty);
    let made = p.volumes.create(&wanted).await.unwrap();
    assert_eq!((made.rung, made.bytes_copied), (None, Bytes(0)));
    assert_eq!(p.volumes.create(&wanted).await.unwrap(), made);
    assert_eq!(p.volumes.find(volume(1)).await.unwrap(), Some(made.source));
    assert_eq!(p.volumes.list().await.unwrap(), [Held::Volume(volume(1))]);
    assert_eq!(p.byte(Opened::Volume(volume(1)), 5 * MIB).await, 0);
    for _ in 0..2 {
        p.volumes.remove(volume(1)).await.unwrap();
        assert_eq!(p.volumes.list().await.unwrap(), []);
    }
}

async fn a_planned_volume_holds_the_image<S: ImageStore, V: VolumeBackend>(p: &Plugs<S, V>) {
    let image = p.image(1).await;
    let content = p.planned(&image).await;
    let VolumeContent::Image { plan, .. } = &content else { panic!("{content:?}") };
    let plan = plan.clone();
    let made = p.volumes.create(&new(1, SIZE, content.clone())).await.unwrap();
    assert_eq!(made.rung, Some(plan.rung));
    assert!(made.bytes_copied <= plan.copies);
    p.holds_the_image(1).await;
    assert_eq!(p.volumes.create(&new(1, SIZE, content)).await.unwrap(), made);
    // The image goes, and its volume stays.
    p.store.delete(image.0).await.unwrap();
    p.holds_the_image(1).await;
}

async fn a_copy_is_counted_and_whole<S: ImageStore, V: VolumeBackend>(p: &Plugs<S, V>) {
    let image = p.image(1).await;
    let plan = |sha512: &str| VolumeContent::Image {
        image: image.0,
        image_sha512: sha512.to_owned(),
        raw: None,
        plan: Plan {
            rung: Rung::DownloadAndConvert,
            steps: vec![PlanStep::CopyImage],
            copies: image.2.size,
            refused: Vec::new(),
        },
    };
    let wrong = new(1, SIZE, plan(&"0".repeat(128)));
    assert!(p.volumes.create(&wrong).await.is_err());
    assert_eq!(p.volumes.list().await.unwrap(), []);
    let made = p.volumes.create(&new(1, SIZE, plan(&image.1))).await.unwrap();
    assert!((3 * MIB..=8 * MIB).contains(&made.bytes_copied.0), "{made:?}");
    p.holds_the_image(1).await;
    let small = p.volumes.create(&new(2, Bytes::from_mib(1), plan(&image.1))).await.unwrap_err();
    assert!(matches!(small, VolumeError::Invalid(_)), "{small:?}");
}

async fn a_missing_image_leaves_nothing<S: ImageStore, V: VolumeBackend>(p: &Plugs<S, V>) {
    let image = p.image(1).await;
    let content = p.planned(&image).await;
    p.store.delete(image.0).await.unwrap();
    let error = p.volumes.create(&new(1, SIZE, content)).await.unwrap_err();
    assert!(matches!(error, VolumeError::NotFound(_)), "{error:?}");
    assert_eq!(p.volumes.list().await.unwrap(), []);
}

async fn a_snapshot_keeps_what_was<S: ImageStore, V: VolumeBackend>(p: &Plugs<S, V>) {
    p.volumes.create(&new(1, SIZE, VolumeContent::Empty)).await.unwrap();
    p.write(1, 4 * MIB, 7).await;
    for _ in 0..2 {
        p.volumes.snapshot(volume(1), snapshot(1)).await.unwrap();
    }
    p.write(1, 4 * MIB, 8).await;
    assert_eq!(p.byte(Opened::Snapshot(volume(1), snapshot(1)), 4 * MIB).await, 7);
    let of_snapshot = VolumeContent::Snapshot(volume(1), snapshot(1));
    let many = [2, 4, 5, 6].map(|number| new(number, SIZE, of_snapshot.clone()));
    for made in join_all(many.iter().map(|one| p.volumes.create(one))).await {
        made.unwrap();
    }
    for number in [2, 4, 5, 6] {
        assert_eq!(p.byte(Opened::Volume(volume(number)), 4 * MIB).await, 7);
    }
    for number in 4..7 {
        p.volumes.remove(volume(number)).await.unwrap();
    }
    let error = p.volumes.create(&new(3, Bytes(MIB), of_snapshot)).await.unwrap_err();
    assert!(matches!(error, VolumeError::Invalid(_)), "{error:?}");
    let error = p.volumes.remove(volume(1)).await.unwrap_err();
    assert!(matches!(error, VolumeError::Conflict(_)), "{error:?}");
    for _ in 0..2 {
        p.volumes.revert(volume(1), snapshot(1)).await.unwrap();
        assert_eq!(p.byte(Opened::Volume(volume(1)), 4 * MIB).await, 7);
    }
    p.write(1, 4 * MIB, 9).await;
    for _ in 0..2 {
        p.volumes.remove_snapshot(volume(1), snapshot(1)).await.unwrap();
    }
    p.volumes.remove(volume(1)).await.unwrap();
    assert_eq!(p.byte(Opened::Volume(volume(2)), 4 * MIB).await, 7);
    assert_eq!(p.volumes.list().await.unwrap(), [Held::Volume(volume(2))]);
}

async fn copies_are_independent<S: ImageStore, V: VolumeBackend>(p: &Plugs<S, V>) {
    p.volumes.create(&new(1, SIZE, VolumeContent::Empty)).await.unwrap();
    p.write(1, 0, 1).await;
    let larger = Bytes(SIZE.0 * 2);
    p.volumes.create(&new(2, larger, VolumeContent::Volume(volume(1)))).await.unwrap();
    p.write(1, 0, 2).await;
    p.write(2, MIB, 3).await;
    assert_eq!(p.byte(Opened::Volume(volume(1)), 0).await, 2);
    assert_eq!(p.byte(Opened::Volume(volume(1)), MIB).await, 0);
    assert_eq!(p.byte(Opened::Volume(volume(2)), 0).await, 1);
    p.volumes.remove(volume(1)).await.unwrap();
    assert_eq!(p.byte(Opened::Volume(volume(2)), 0).await, 1);
    assert_eq!(p.byte(Opened::Volume(volume(2)), SIZE.0).await, 0);
}

/// As the image-volume cache has them: a copy of the image's own size, and larger clones of it.
async fn a_volume_that_holds_an_image_has_many_clones<S: ImageStore, V: VolumeBackend>(
    p: &Plugs<S, V>,
) {
    let image = p.image(1).await;
    let content = |rung, step| VolumeContent::Image {
        image: image.0,
        image_sha512: image.1.clone(),
        raw: None,
        plan: Plan { rung, steps: vec![step], copies: Bytes(0), refused: Vec::new() },
    };
    let copy = content(Rung::DownloadAndConvert, PlanStep::CopyImage);
    p.volumes.create(&new(1, image.2.virtual_size, copy)).await.unwrap();
    let clone = content(Rung::CloneFromCache, PlanStep::CloneVolume(volume(1)));
    let wanted = [2, 3, 4, 5].map(|number| new(number, SIZE, clone.clone()));
    let made = join_all(wanted.iter().map(|one| p.volumes.create(one))).await;
    for (number, (wanted, made)) in (2..).zip(wanted.iter().zip(made)) {
        let made = made.unwrap();
        assert_eq!((made.rung, made.bytes_copied), (Some(Rung::CloneFromCache), Bytes(0)));
        assert_eq!(p.volumes.create(wanted).await.unwrap(), made);
        p.write(number, 20 * MIB, 7).await;
        p.holds_the_image(number).await;
    }
    // As large as the image: there is nothing to be done to the clone.
    let same = new(8, image.2.virtual_size, clone.clone());
    let made = p.volumes.create(&same).await.unwrap();
    assert_eq!(p.volumes.create(&same).await.unwrap(), made);
    p.write(8, 0, 9).await;
    assert_eq!(p.byte(Opened::Volume(volume(8)), 0).await, 9);
    p.volumes.remove(volume(8)).await.unwrap();
    let small = p.volumes.create(&new(6, Bytes(MIB), clone.clone())).await.unwrap_err();
    assert!(matches!(small, VolumeError::Invalid(_)), "{small:?}");
    p.volumes.remove(volume(1)).await.unwrap();
    for number in 2..6 {
        p.holds_the_image(number).await;
        p.volumes.remove(volume(number)).await.unwrap();
    }
    let error = p.volumes.create(&new(7, SIZE, clone)).await.unwrap_err();
    assert!(matches!(error, VolumeError::NotFound(_)), "{error:?}");
    assert_eq!(p.volumes.list().await.unwrap(), []);
}

async fn what_is_written_anew_holds_nothing_else<S: ImageStore, V: VolumeBackend>(p: &Plugs<S, V>) {
    p.volumes.create(&new(1, SIZE, VolumeContent::Empty)).await.unwrap();
    for offset in [0, 4 * MIB] {
        p.write(1, offset, 7).await;
    }
    for _ in 0..2 {
        let mut open = p.volumes.open(Opened::Anew(volume(1))).await.unwrap();
        open.write(MIB, Chunk::from(vec![8; 1 << 20])).await.unwrap();
        open.close().await.unwrap();
    }
    for (offset, byte) in [(0, 0), (MIB, 8), (4 * MIB, 0)] {
        assert_eq!(p.byte(Opened::Volume(volume(1)), offset).await, byte, "{offset}");
    }
    p.volumes.remove(volume(1)).await.unwrap();
}

async fn a_larger_volume_has_zeroes_behind<S: ImageStore, V: VolumeBackend>(p: &Plugs<S, V>) {
    let image = p.image(1).await;
    let content = p.planned(&image).await;
    p.volumes.create(&new(1, SIZE, content)).await.unwrap();
    for size in [SIZE.0 * 3, SIZE.0 * 3, SIZE.0] {
        p.volumes.extend(volume(1), Bytes(size)).await.unwrap();
        let open = p.volumes.open(Opened::Volume(volume(1))).await.unwrap();
        assert_eq!(open.size(), Bytes(SIZE.0 * 3));
    }
    assert_eq!(p.byte(Opened::Volume(volume(1)), 2 * MIB).await, 9);
    assert_eq!(p.byte(Opened::Volume(volume(1)), SIZE.0 * 2).await, 0);
}

async fn what_is_not_there_is_not_found<S: ImageStore, V: VolumeBackend>(p: &Plugs<S, V>) {
    let (v, s) = (volume(9), snapshot(9));
    p.volumes.remove(v).await.unwrap();
    p.volumes.remove_snapshot(v, s).await.unwrap();
    let errors = [
        p.volumes.extend(v, SIZE).await.unwrap_err(),
        p.volumes.snapshot(v, s).await.unwrap_err(),
        p.volumes.revert(v, s).await.unwrap_err(),
        p.volumes.open(Opened::Volume(v)).await.err().unwrap(),
        p.volumes.create(&new(1, SIZE, VolumeContent::Volume(v))).await.unwrap_err(),
        p.volumes.create(&new(1, SIZE, VolumeContent::Snapshot(v, s))).await.unwrap_err(),
    ];
    for error in errors {
        assert!(matches!(error, VolumeError::NotFound(_)), "{error:?}");
    }
    assert_eq!(p.volumes.list().await.unwrap(), []);
}

/// What a volume of an image held is another volume's afterwards, under whose name it lies; and it lies on nothing else.
async fn a_volume_goes_out_and_comes_in_again<S: ImageStore, V: VolumeBackend>(p: &Plugs<S, V>) {
    let content = p.planned(&p.image(1).await).await;
    p.volumes.create(&new(1, SIZE, content)).await.unwrap();
    p.volumes.snapshot(volume(1), snapshot(1)).await.unwrap();
    let error = p.volumes.unmanage(volume(1)).await.unwrap_err();
    assert!(matches!(error, VolumeError::Conflict(_)), "{error:?}");
    p.volumes.remove_snapshot(volume(1), snapshot(1)).await.unwrap();
    for _ in 0..2 {
        p.volumes.unmanage(volume(1)).await.unwrap();
    }
    let all = p.volumes.manageable().await.unwrap();
    let id = volume(1).to_string();
    let out = all.iter().find(|one| one.name.contains(&id) && one.refused_by.is_none()).unwrap();
    assert_eq!(out.size, SIZE);
    let taken = p.volumes.manage(volume(2), &out.name).await.unwrap();
    assert_eq!(p.volumes.manage(volume(2), &out.name).await.unwrap(), taken);
    assert_eq!((p.volumes.find(volume(2)).await.unwrap(), SIZE), (Some(taken.0), taken.1));
    assert_eq!(p.volumes.list().await.unwrap(), [Held::Volume(volume(2))]);
    p.holds_the_image(2).await;
    p.volumes.remove(volume(2)).await.unwrap();
    assert_eq!(p.volumes.manageable().await.unwrap(), []);
}

async fn what_leads_elsewhere_is_not_taken<S: ImageStore, V: VolumeBackend>(p: &Plugs<S, V>) {
    p.volumes.create(&new(1, SIZE, VolumeContent::Empty)).await.unwrap();
    let own = format!("volume-{}", volume(1));
    for name in ["", "nothing", "../nothing", &format!("x/{own}")] {
        let error = p.volumes.manage(volume(2), name).await.unwrap_err();
        assert!(matches!(error, VolumeError::Invalid(_) | VolumeError::NotFound(_)), "{error:?}");
        let error = p.volumes.manage_snapshot(volume(1), snapshot(1), name).await.unwrap_err();
        assert!(
            matches!(
                error,
                VolumeError::Invalid(_) | VolumeError::NotFound(_) | VolumeError::Unsupported(_)
            ),
            "{error:?}"
        );
    }
    assert_eq!(p.volumes.manageable_snapshots().await.unwrap(), []);
    assert_eq!(p.volumes.list().await.unwrap(), [Held::Volume(volume(1))]);
    // What is there already is what was asked for.
    let (source, size) = p.volumes.manage(volume(1), "nothing").await.unwrap();
    assert_eq!((p.volumes.find(volume(1)).await.unwrap(), size), (Some(source), SIZE));
}

async fn many_at_once_are_all_whole<S: ImageStore, V: VolumeBackend>(p: &Plugs<S, V>) {
    let image = p.image(1).await;
    let content = p.planned(&image).await;
    let wanted: Vec<NewVolume> = (0..12).map(|number| new(number, SIZE, content.clone())).collect();
    for made in join_all(wanted.iter().map(|one| p.volumes.create(one))).await {
        made.unwrap();
    }
    p.holds_the_image(11).await;
    for removed in join_all(wanted.iter().map(|one| p.volumes.remove(one.volume))).await {
        removed.unwrap();
    }
    assert_eq!(p.volumes.list().await.unwrap(), []);
}
