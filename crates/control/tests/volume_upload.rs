//! Images of volumes: what becomes of the rows when the agent answers, fails, is late, or is not there any more.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may")]

mod lab;

use hatchery_control::volume::{UploadRequest, VolumeRequest};
use hatchery_model::caller::Caller;
use hatchery_model::id::{ImageId, VolumeId};
use hatchery_model::image::{DiskFormat, Image, ImageState, Visibility};
use hatchery_model::task::Work;
use hatchery_ports::bus::Handler;
use hatchery_ports::store::Store;
use lab::{Lab, caller};
use std::sync::atomic::Ordering;

fn wanted() -> UploadRequest {
    UploadRequest {
        name: "i".into(),
        format: DiskFormat::Raw,
        visibility: Visibility::Private,
        protected: false,
        force: false,
    }
}

fn admin() -> Caller {
    Caller { roles: vec!["admin".into()], ..caller("req-admin") }
}

/// A volume whose upload has been ordered.
async fn uploading(lab: &Lab) -> (VolumeId, ImageId) {
    let request = VolumeRequest { size_gib: Some(1), ..VolumeRequest::default() };
    let id = lab.make_volume(request).await;
    let made = lab.volume_verbs().upload_to_image(&caller("req-1"), id, wanted()).await.unwrap();
    assert_eq!(lab.volume(id).await.state.status(), "uploading");
    let again = lab.volume_verbs().upload_to_image(&caller("req-2"), id, wanted()).await;
    assert!(again.unwrap_err().to_string().contains("status must be available"));
    (id, made.image.id)
}

async fn image(lab: &Lab, id: ImageId) -> Image {
    lab.db.read().await.unwrap().images().find(id).await.unwrap().unwrap()
}

async fn works(lab: &Lab) -> Vec<Work> {
    lab.tasks().await.into_iter().map(|task| task.work).collect()
}

async fn lab() -> Lab {
    Lab::new().await.with_volumes().await
}

#[tokio::test]
async fn one_image_however_often_the_answer_comes() {
    let lab = lab().await;
    let (volume, id) = uploading(&lab).await;
    assert!(matches!(image(&lab, id).await.state, ImageState::Arriving { content: None, .. }));
    lab.deliver().await;
    let news = lab.take_news();
    for _ in 0..3 {
        lab.intake.handle(news[0].clone()).await.unwrap();
    }
    assert_eq!(lab.volume(volume).await.state.status(), "available");
    let state = image(&lab, id).await.state;
    assert!(matches!(state, ImageState::Arriving { content: Some(_), .. }), "{state:?}");
    assert_eq!(works(&lab).await, [Work::SealImage(id)]);
}

#[tokio::test]
async fn what_cannot_be_uploaded_leaves_no_image() {
    let lab = lab().await;
    let (volume, id) = uploading(&lab).await;
    let fails = &lab.hosts[0].volumes.fails;
    fails.lock().unwrap().insert("UploadToImage", "No room today.".into());
    lab.deliver().await;
    lab.hear().await;
    assert_eq!(lab.volume(volume).await.state.status(), "available");
    assert_eq!(image(&lab, id).await.state, ImageState::Deleting);
    assert_eq!(works(&lab).await, [Work::DeleteImage(id)]);
    let told = &lab.messages().await[0];
    assert_eq!((told.action.as_str(), told.detail.as_str()), ("003", "004"));
    assert!(told.text.ends_with("No room today."), "{}", told.text);
}

#[tokio::test]
async fn a_volume_that_is_set_by_hand_or_whose_host_is_gone_takes_its_image_along() {
    let lab = lab().await;
    let (volume, id) = uploading(&lab).await;
    lab.deliver().await;
    let news = lab.take_news();
    lab.volume_verbs().reset_volume(&admin(), volume, Some("available"), false).await.unwrap();
    assert_eq!(image(&lab, id).await.state, ImageState::Deleting);
    // What the agent brings afterwards is not kept.
    lab.intake.handle(news[0].clone()).await.unwrap();
    let works = works(&lab).await;
    assert!(
        works.iter().any(|work| matches!(work, Work::DiscardUpload(of, _) if *of == id)),
        "{works:?}"
    );

    let made = lab.volume_verbs().upload_to_image(&caller("r"), volume, wanted()).await.unwrap();
    lab.hosts[0].forgets.store(true, Ordering::SeqCst);
    lab.deliver().await;
    lab.pass(700, &[]).await;
    assert_eq!(lab.volume_orders().look().await.unwrap().given_up, 1);
    assert_eq!(lab.volume(volume).await.state.status(), "available");
    assert_eq!(image(&lab, made.image.id).await.state, ImageState::Deleting);
}

#[tokio::test]
async fn who_may_not_gets_no_image() {
    let lab = lab().await;
    let request = VolumeRequest { size_gib: Some(1), ..VolumeRequest::default() };
    let id = lab.make_volume(request).await;
    let public = UploadRequest { visibility: Visibility::Public, ..wanted() };
    let verbs = lab.volume_verbs();
    assert!(verbs.upload_to_image(&caller("r"), id, public.clone()).await.is_err());
    let reader = Caller { roles: vec!["reader".into()], ..caller("r") };
    assert!(verbs.upload_to_image(&reader, id, wanted()).await.is_err());
    assert_eq!(lab.volume(id).await.state.status(), "available");
    assert!(verbs.upload_to_image(&admin(), id, public).await.is_ok());
}
