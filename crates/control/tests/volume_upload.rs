//! Images of volumes: what becomes of the rows when the agent answers, fails, is late, or is not there any more.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may")]

mod lab;

use hatchery_control::reconcile::VolumeOrders;
use hatchery_control::volume::{
    UploadRequest, VolumeRequest, VolumeSettings, ensure_internal_tenant,
};
use hatchery_model::caller::Caller;
use hatchery_model::id::{ImageId, VolumeId};
use hatchery_model::image::{DiskFormat, Image, ImageFormat, ImageState, Visibility};
use hatchery_model::task::Work;
use hatchery_model::volume::{ImageCacheEntry, ImageCacheState};
use hatchery_ports::bus::Handler;
use hatchery_ports::clock::Clock;
use hatchery_ports::store::Store;
use lab::{Lab, caller};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use uuid::Uuid;

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
    lab.volume_verbs()
        .reset_volume(&admin(), volume, (Some("available"), None), false)
        .await
        .unwrap();
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

/// A cloud whose backend keeps images as volumes, too.
async fn keeping_lab() -> Lab {
    let lab = lab().await;
    for host in &lab.hosts {
        host.volumes.backends.lock().unwrap()[0].image_volumes = true;
    }
    lab.report_all().await;
    let now = lab.clock.now();
    ensure_internal_tenant(&*lab.db, &*lab.entropy, now, None).await.unwrap();
    lab
}

/// The entries of images that are kept as volumes.
async fn kept(lab: &Lab) -> Vec<ImageCacheEntry> {
    lab.db.read().await.unwrap().image_cache().list(None).await.unwrap()
}

/// Lets the agents do all that is ordered. The tasks of images have nobody here who does them.
async fn quiet(lab: &Lab) {
    for _ in 0..4 {
        lab.deliver().await;
        lab.hear().await;
    }
}

/// The volumes of which a backend has bytes.
fn there(lab: &Lab) -> usize {
    lab.hosts.iter().map(|host| host.volumes.there.lock().unwrap().len()).sum()
}

#[tokio::test]
async fn an_image_that_is_kept_as_a_volume_takes_it_along() {
    let lab = keeping_lab().await;
    let (volume, id) = uploading(&lab).await;
    lab.deliver().await;
    let news = lab.take_news();
    for _ in 0..2 {
        lab.intake.handle(news[0].clone()).await.unwrap();
    }
    let entries = kept(&lab).await;
    let [entry] = &entries[..] else { panic!("{entries:?}") };
    assert!(entry.kept && entry.image == id && entry.state == ImageCacheState::Ready);
    let own = lab.volume(entry.volume).await;
    assert_eq!(own.name, Some(format!("image-{id}")));
    assert_eq!((own.state.status(), own.source_volume), ("available", Some(volume)));
    assert_ne!(own.project, lab.volume(volume).await.project);
    assert_eq!(there(&lab), 2);
    // As long as its image is there, it stays.
    lab.volume_orders().look().await.unwrap();
    quiet(&lab).await;
    assert_eq!(there(&lab), 2);
    let mut uow = lab.db.begin().await.unwrap();
    uow.images().delete(id).await.unwrap();
    uow.commit().await.unwrap();
    lab.volume_orders().look().await.unwrap();
    quiet(&lab).await;
    assert_eq!((kept(&lab).await, there(&lab)), (vec![], 1));
    assert!(lab.find_volume(own.id).await.is_none());
}

#[tokio::test]
async fn an_upload_that_is_given_up_leaves_no_volume_of_its_image() {
    let lab = keeping_lab().await;
    let (volume, id) = uploading(&lab).await;
    // The order is on its way, and is carried out all the same.
    lab.volume_verbs()
        .reset_volume(&admin(), volume, (Some("available"), None), false)
        .await
        .unwrap();
    quiet(&lab).await;
    assert_eq!(image(&lab, id).await.state, ImageState::Deleting);
    assert_eq!((kept(&lab).await, there(&lab)), (vec![], 1));

    let made = lab.volume_verbs().upload_to_image(&caller("r"), volume, wanted()).await.unwrap();
    let id = made.image.id;
    let fails = &lab.hosts[0].volumes.fails;
    fails.lock().unwrap().insert("UploadToImage", "No room today.".into());
    quiet(&lab).await;
    assert_eq!(image(&lab, id).await.state, ImageState::Deleting);
    assert_eq!((kept(&lab).await, there(&lab)), (vec![], 1));
}

#[tokio::test]
async fn images_that_cannot_be_kept_as_volumes_stand_in_nobodys_way() {
    let lab = keeping_lab().await;
    let now = lab.clock.now();
    let mut uow = lab.db.begin().await.unwrap();
    // More than one look takes, listed in both orders around the raw one.
    let mut raw = None;
    for number in 1..=11_u128 {
        let mut image = lab::image(now.plus_seconds(number as i64));
        image.id = ImageId(Uuid::from_u128(0x9000 + number));
        let ImageState::Active(content) = &mut image.state else { panic!() };
        let is_raw = number == 6;
        content.inspection.format = if is_raw { ImageFormat::Raw } else { ImageFormat::Qcow2 };
        raw = raw.or(is_raw.then_some(image.id));
        uow.images().insert(&image).await.unwrap();
    }
    uow.commit().await.unwrap();
    let settings = VolumeSettings { keeps_images_as: Some(String::new()), ..Default::default() };
    let orders = VolumeOrders { settings: Arc::new(settings), ..lab.volume_orders() };
    for _ in 0..3 {
        orders.look().await.unwrap();
        quiet(&lab).await;
    }
    let entries = kept(&lab).await;
    let images: Vec<ImageId> = entries.iter().map(|entry| entry.image).collect();
    assert!(images.contains(&raw.unwrap()), "{images:?}");
    assert!(entries.iter().all(|entry| entry.kept && entry.state == ImageCacheState::Ready));
    let different: std::collections::BTreeSet<_> = images.iter().collect();
    assert_eq!(different.len(), images.len(), "once each");
}
