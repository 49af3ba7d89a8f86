//! Deletions that are killed or fail at each of their calls, and hosts that are told.

use super::stopping_store::{Stop, Stopping};
use super::{Lab, upload_of};
use crate::image::delete_image::delete_image;
use crate::image::finish_delete::{DeleteGround, finish_delete};
use crate::image::upload_image::upload_image;
use hatchery_model::id::ImageId;
use hatchery_model::image::ImageState;
use hatchery_model::task::Work;
use hatchery_ports::clock::Clock;
use hatchery_ports::image_store::ImageStore;
use hatchery_ports::store::Store;

async fn going(lab: &Lab) -> ImageId {
    let id = lab.queued().await;
    let (clock, entropy) = (&lab.clock, &lab.entropy);
    upload_image(
        &lab.store,
        &*lab.bytes,
        clock,
        entropy,
        &lab.transfers,
        &lab.caller,
        upload_of(id),
    )
    .await
    .unwrap();
    delete_image(&lab.store, entropy, clock.now(), &lab.caller, id).await.unwrap();
    id
}

async fn finish(lab: &Lab, bytes: &dyn ImageStore, id: ImageId) -> Result<(), crate::Error> {
    let now = lab.clock.now();
    let links = crate::pool::BaseLinks::default();
    let ground = DeleteGround { store: &lab.store, bytes, entropy: &lab.entropy, links: &links };
    finish_delete(ground, now, id, &lab.caller.request).await
}

async fn assert_gone(lab: &Lab, id: ImageId) {
    assert_eq!(lab.row(id).await, None);
    assert_eq!(lab.files(), Vec::<String>::new());
    let mut uow = lab.store.read().await.unwrap();
    assert_eq!(uow.tasks().find_by_work(&Work::DeleteImage(id)).await.unwrap(), None);
}

#[tokio::test]
async fn it_may_be_done_twice() {
    let lab = Lab::open().await;
    let id = going(&lab).await;
    assert_eq!(lab.state(id).await, ImageState::Deleting);
    for _ in 0..2 {
        finish(&lab, &*lab.bytes, id).await.unwrap();
        assert_gone(&lab, id).await;
    }
}

#[tokio::test]
async fn failed_or_killed_anywhere_the_task_does_it_again() {
    for stop in [Stop::Fails, Stop::Before, Stop::After] {
        for at in 0..4 {
            let lab = Lab::open().await;
            let id = going(&lab).await;
            let bytes = Stopping::at(lab.bytes.clone(), at, stop);
            let steps = bytes.steps.clone();
            let is_done = tokio::select! {
                biased;
                done = finish(&lab, &bytes, id) => done.is_ok(),
                () = steps.reached.notified() => false,
            };
            if !is_done {
                assert_eq!(lab.state(id).await, ImageState::Deleting, "{stop:?} {at}");
                // A start in between does not disturb.
                lab.recover().await;
                finish(&lab, &*lab.bytes, id).await.unwrap();
            }
            assert_gone(&lab, id).await;
        }
    }
}

#[tokio::test]
async fn an_id_may_be_used_again() {
    let lab = Lab::open().await;
    let id = going(&lab).await;
    finish(&lab, &*lab.bytes, id).await.unwrap();
    let changes = vec![
        crate::image::Change::DiskFormat(Some(hatchery_model::image::DiskFormat::Raw)),
        crate::image::Change::ContainerFormat(Some(hatchery_model::image::ContainerFormat::Bare)),
    ];
    crate::image::create_image::create_image(&lab.store, lab.clock.now(), &lab.caller, id, changes)
        .await
        .unwrap();
    let (clock, entropy) = (&lab.clock, &lab.entropy);
    upload_image(
        &lab.store,
        &*lab.bytes,
        clock,
        entropy,
        &lab.transfers,
        &lab.caller,
        upload_of(id),
    )
    .await
    .unwrap();
    // A late repetition of the old deletion leaves the new image alone.
    finish(&lab, &*lab.bytes, id).await.unwrap();
    assert!(matches!(lab.state(id).await, ImageState::Active(_)));
    assert_eq!(lab.files(), [id.to_string()]);
}
