//! Raw forms: made before an image is active, or later in the background; with every death and failure in between.

use super::stopping_store::{Stop, Stopping};
use super::{Lab, qcow2, raw_upload_of};
use crate::image::delete_image::delete_image;
use crate::image::finish_delete::{DeleteGround, finish_delete};
use crate::image::recover::Recovered;
use crate::image::upload_image::{Upload, UploadRefusal, upload_image};
use crate::pool::BaseLinks;
use crate::reconcile::{Made, MakeRawForms};
use futures_util::TryStreamExt;
use hatchery_model::id::ImageId;
use hatchery_model::image::{DiskFormat, ImageContent, ImageState};
use hatchery_model::units::Bytes;
use hatchery_ports::clock::Clock;
use hatchery_ports::image_store::ImageStore;
use hatchery_testkit::{ManualClock, SeededEntropy};
use std::sync::Arc;

/// More calls than an upload makes.
const MANY: usize = 12;

async fn upload(lab: &Lab, bytes: &dyn ImageStore, what: Upload) -> Result<(), UploadRefusal> {
    let (clock, entropy) = (&lab.clock, &lab.entropy);
    upload_image(&lab.store, bytes, clock, entropy, &lab.transfers, &lab.caller, what).await
}

async fn content(lab: &Lab, id: ImageId) -> ImageContent {
    let ImageState::Active(content) = lab.state(id).await else {
        panic!("image {id} is not active")
    };
    content
}

fn both(id: ImageId) -> [String; 2] {
    [id.to_string(), format!(".raw/{id}")]
}

#[tokio::test]
async fn killed_anywhere_there_is_an_image_with_its_raw_form_or_nothing() {
    let mut deaths = 0;
    for stop in [Stop::Before, Stop::After] {
        for at in 0..MANY {
            let lab = Lab::open().await;
            let id = lab.queued_as(DiskFormat::Qcow2).await;
            let bytes = Stopping::at(lab.bytes.clone(), at, stop);
            let steps = bytes.steps.clone();
            let is_dead = tokio::select! {
                biased;
                () = steps.reached.notified() => true,
                done = upload(&lab, &bytes, raw_upload_of(id, qcow2())) => {
                    done.unwrap();
                    false
                }
            };
            if is_dead {
                assert!(matches!(lab.state(id).await, ImageState::Saving { .. }), "{stop:?} {at}");
            }
            lab.recover().await;
            match lab.state(id).await {
                ImageState::Queued => {
                    assert_eq!(lab.files(), Vec::<String>::new(), "{stop:?} {at}");
                }
                ImageState::Active(_) => assert_eq!(lab.files(), both(id), "{stop:?} {at}"),
                other => panic!("{stop:?} {at}: {other:?}"),
            }
            deaths += usize::from(is_dead);
            assert_eq!(lab.recover().await, Recovered::default(), "{stop:?} {at}");
        }
    }
    // Begin, a write, finish, publish, make raw, publish raw.
    assert_eq!(deaths, 2 * 6);
}

#[tokio::test]
async fn failing_anywhere_it_is_queued_again_at_once() {
    for stop in [Stop::Fails, Stop::Full] {
        for at in 0..MANY {
            let lab = Lab::open().await;
            let id = lab.queued_as(DiskFormat::Qcow2).await;
            let bytes = Stopping::at(lab.bytes.clone(), at, stop);
            let outcome = upload(&lab, &bytes, raw_upload_of(id, qcow2())).await;
            if bytes.was_reached() {
                outcome.unwrap_err();
                assert_eq!(lab.state(id).await, ImageState::Queued, "{stop:?} {at}");
                assert_eq!(lab.files(), Vec::<String>::new(), "{stop:?} {at}");
                upload(&lab, &*lab.bytes, raw_upload_of(id, qcow2())).await.unwrap();
            } else {
                outcome.unwrap();
            }
            assert_eq!(lab.files(), both(id), "{stop:?} {at}");
        }
    }
}

#[tokio::test]
async fn the_users_bytes_stay_what_they_were_and_both_go_with_the_image() {
    let lab = Lab::open().await;
    let id = lab.queued_as(DiskFormat::Qcow2).await;
    upload(&lab, &*lab.bytes, raw_upload_of(id, qcow2())).await.unwrap();
    let content = content(&lab, id).await;
    assert_eq!(content.size, Bytes(qcow2().len() as u64));
    let raw = content.raw.unwrap();
    assert_eq!(raw.size, Bytes(1 << 20));
    assert_ne!(raw.sha512, content.sha512);
    let stream = lab.bytes.read(id, 0, None).await.unwrap();
    let chunks: Vec<bytes::Bytes> = stream.try_collect().await.unwrap();
    assert_eq!(chunks.concat(), qcow2());
    assert_ne!(lab.inode(&id.to_string()), lab.inode(&format!(".raw/{id}")));

    // A raw image has no further form.
    let plain = lab.queued().await;
    upload(&lab, &*lab.bytes, raw_upload_of(plain, vec![3; 8192])).await.unwrap();
    assert_eq!(self::content(&lab, plain).await.raw, None);

    for id in [id, plain] {
        let (entropy, now) = (&lab.entropy, lab.clock.now());
        delete_image(&lab.store, entropy, now, &lab.caller, id).await.unwrap();
        let request = &lab.caller.request;
        let (store, bytes) = (&lab.store, &*lab.bytes);
        let links = BaseLinks::default();
        let ground = DeleteGround { store, bytes, entropy, links: &links };
        finish_delete(ground, now, id, request).await.unwrap();
    }
    assert_eq!(lab.files(), Vec::<String>::new());
}

#[tokio::test]
async fn a_disk_too_large_to_be_raw_is_refused_and_the_image_queued() {
    let lab = Lab::open().await;
    let id = lab.queued_as(DiskFormat::Qcow2).await;
    let mut wanted = raw_upload_of(id, qcow2());
    wanted.limits.size_cap = Bytes((1 << 20) - 512);
    let refusal = upload(&lab, &*lab.bytes, wanted).await.unwrap_err();
    assert!(matches!(refusal, UploadRefusal::Full(_)), "{refusal}");
    assert!(refusal.to_string().contains("qemu-img resize"), "{refusal}");
    assert_eq!(lab.state(id).await, ImageState::Queued);
    assert_eq!(lab.files(), Vec::<String>::new());
}

fn reconciler(lab: &Lab, bytes: Arc<dyn ImageStore>) -> MakeRawForms {
    MakeRawForms {
        store: Arc::new(lab.store.clone()),
        bytes,
        cap: Bytes::from_gib(1),
        clock: Arc::new(ManualClock::default()),
        entropy: Arc::new(SeededEntropy::new(9)),
    }
}

/// Images taken in while the setting was off, and one that is raw.
async fn before_the_switch(lab: &Lab) -> Vec<ImageId> {
    let mut images = Vec::new();
    for length in [1, 2] {
        let id = lab.queued_as(DiskFormat::Qcow2).await;
        let mut disk = vec![0; length << 20];
        disk[7] = 7;
        let mut wanted = raw_upload_of(id, hatchery_ports::contract::sample::qcow2_of(&disk));
        wanted.limits.force_raw_images = false;
        upload(lab, &*lab.bytes, wanted).await.unwrap();
        assert_eq!(content(lab, id).await.raw, None);
        images.push(id);
    }
    let plain = lab.queued().await;
    upload(lab, &*lab.bytes, raw_upload_of(plain, vec![3; 8192])).await.unwrap();
    images
}

#[tokio::test]
async fn what_was_there_before_the_switch_is_converted_once() {
    let lab = Lab::open().await;
    let images = before_the_switch(&lab).await;
    let reconciler = reconciler(&lab, lab.bytes.clone());
    assert_eq!(reconciler.look().await.unwrap(), Made { converted: 2, failed: 0 });
    for (id, length) in images.iter().zip([1, 2]) {
        assert_eq!(content(&lab, *id).await.raw.unwrap().size, Bytes::from_mib(length));
    }
    assert_eq!(reconciler.look().await.unwrap(), Made::default());
    assert_eq!(lab.recover().await, Recovered::default());
    assert_eq!(lab.files().len(), 5);
}

#[tokio::test]
async fn a_conversion_in_the_background_may_be_killed_or_fail_anywhere() {
    for stop in [Stop::Before, Stop::After, Stop::Fails, Stop::Full] {
        for at in 0..7 {
            let lab = Lab::open().await;
            before_the_switch(&lab).await;
            let bytes = Arc::new(Stopping::at(lab.bytes.clone(), at, stop));
            let steps = bytes.steps.clone();
            let first = reconciler(&lab, bytes);
            tokio::select! {
                biased;
                made = first.look() => {
                    let made = made.unwrap();
                    // Make, publish, discard; and again.
                    assert_eq!(made.failed, usize::from(at < 6), "{stop:?} {at}");
                }
                () = steps.reached.notified() => assert!(at < 6, "{stop:?} {at}"),
            }
            lab.recover().await;
            reconciler(&lab, lab.bytes.clone()).look().await.unwrap();
            assert_eq!(lab.files().len(), 5, "{stop:?} {at}: {:?}", lab.files());
            assert_eq!(lab.recover().await, Recovered::default(), "{stop:?} {at}");
        }
    }
}
