//! Uploads that are killed or fail at each of their calls.

use super::stopping_store::{Stop, Stopping};
use super::{Lab, upload_of};
use crate::image::recover::Recovered;
use crate::image::upload_image::{UploadRefusal, upload_image};
use hatchery_model::image::ImageState;
use hatchery_ports::image_store::ImageStore;

/// More calls than an upload makes.
const MANY: usize = 12;

async fn upload(
    lab: &Lab,
    bytes: &dyn ImageStore,
    id: hatchery_model::id::ImageId,
) -> Result<(), UploadRefusal> {
    let (clock, entropy) = (&lab.clock, &lab.entropy);
    upload_image(&lab.store, bytes, clock, entropy, &lab.transfers, &lab.caller, upload_of(id))
        .await
}

#[tokio::test]
async fn killed_anywhere_it_is_queued_or_active_after_a_start() {
    let mut deaths = 0;
    for stop in [Stop::Before, Stop::After] {
        for at in 0..MANY {
            let lab = Lab::open().await;
            let id = lab.queued().await;
            let bytes = Stopping::at(lab.bytes.clone(), at, stop);
            let steps = bytes.steps.clone();
            let is_dead = tokio::select! {
                biased;
                () = steps.reached.notified() => true,
                done = upload(&lab, &bytes, id) => {
                    done.unwrap();
                    false
                }
            };
            lab.recover().await;
            match lab.state(id).await {
                ImageState::Queued => {
                    assert_eq!(lab.files(), Vec::<String>::new(), "{stop:?} {at}")
                }
                ImageState::Active(_) => assert_eq!(lab.files(), [id.to_string()], "{stop:?} {at}"),
                other => panic!("{stop:?} {at}: {other:?}"),
            }
            deaths += usize::from(is_dead);
            assert_eq!(lab.recover().await, Recovered::default(), "{stop:?} {at}");
        }
    }
    // Begin, three writes, finish, publish.
    assert_eq!(deaths, 2 * 6);
}

#[tokio::test]
async fn failing_anywhere_it_is_queued_again_at_once() {
    for stop in [Stop::Fails, Stop::Full] {
        for at in 0..MANY {
            let lab = Lab::open().await;
            let id = lab.queued().await;
            let bytes = Stopping::at(lab.bytes.clone(), at, stop);
            let outcome = upload(&lab, &bytes, id).await;
            if bytes.was_reached() {
                let refusal = outcome.unwrap_err();
                let is_full = matches!(refusal, UploadRefusal::Full(_));
                assert_eq!(is_full, stop == Stop::Full, "{at}: {refusal}");
                assert_eq!(lab.state(id).await, ImageState::Queued, "{stop:?} {at}");
                assert_eq!(lab.files(), Vec::<String>::new(), "{stop:?} {at}");
                upload(&lab, &*lab.bytes, id).await.unwrap();
            } else {
                outcome.unwrap();
            }
            assert!(matches!(lab.state(id).await, ImageState::Active(_)), "{stop:?} {at}");
        }
    }
}

#[tokio::test]
async fn a_start_removes_what_belongs_to_nobody() {
    let lab = Lab::open().await;
    let (kept, stray) = (lab.queued().await, lab.queued().await);
    upload(&lab, &*lab.bytes, kept).await.unwrap();
    let writer = lab
        .bytes
        .begin(
            stray,
            "stray",
            hatchery_model::image::DiskFormat::Raw,
            upload_of(stray).limits.size_cap,
        )
        .await;
    let mut writer = writer.unwrap();
    writer.write(bytes::Bytes::from_static(&[1; 512])).await.unwrap();
    writer.finish().await.unwrap();
    lab.bytes.publish(stray, "stray").await.unwrap();
    let done = lab.recover().await;
    assert_eq!(done, Recovered { requeued: 0, discarded: 0, removed: 1 });
    assert_eq!(lab.files(), [kept.to_string()]);
}
