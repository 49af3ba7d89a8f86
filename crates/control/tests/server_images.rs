//! Images of servers' own disks: what becomes of the rows when the agent answers, fails, is late, or is not there any more.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may")]

mod lab;

use hatchery_control::compute::{CreateImage, ResetTo};
use hatchery_model::caller::Caller;
use hatchery_model::compute::{EventResult, ImagingStep, ServerState};
use hatchery_model::id::{ImageId, ServerId};
use hatchery_model::image::{DiskFormat, Image, ImageState, Visibility};
use hatchery_model::message::{Address, Body, Envelope, Event};
use hatchery_model::task::Work;
use hatchery_ports::bus::Handler;
use hatchery_ports::store::Store;
use lab::{Lab, caller};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

async fn lab() -> Lab {
    Lab::new().await.with_volumes().await
}

fn verb(lab: &Lab) -> CreateImage {
    CreateImage {
        store: lab.store.clone(),
        clock: lab.clock.clone(),
        entropy: lab.entropy.clone(),
        outgoing: lab.outgoing.clone(),
        volume_settings: Arc::default(),
    }
}

async fn ask(lab: &Lab, id: ServerId) -> Result<ImageId, hatchery_control::Error> {
    let metadata = BTreeMap::from([("purpose".to_owned(), "tests".to_owned())]);
    verb(lab).run(&caller("req-image"), id, "golden".into(), metadata).await
}

/// A server of whose disk an image has been ordered.
async fn imaging(lab: &Lab) -> (ServerId, ImageId) {
    let server = lab.create_one().await;
    lab.settle().await;
    (server, ask(lab, server).await.unwrap())
}

async fn find(lab: &Lab, id: ImageId) -> Option<Image> {
    lab.db.read().await.unwrap().images().find(id).await.unwrap()
}

async fn works(lab: &Lab) -> Vec<Work> {
    lab.tasks().await.into_iter().map(|task| task.work).collect()
}

#[tokio::test]
async fn the_image_says_what_it_is_of_and_the_server_what_is_done() {
    let lab = lab().await;
    let (server, id) = imaging(&lab).await;
    let image = find(&lab, id).await.unwrap();
    let row = lab.server(server).await;
    let said = |key: &str| image.properties.get(key).map(String::as_str).unwrap_or_default();
    assert_eq!(said("instance_uuid"), server.to_string());
    assert_eq!(said("base_image_ref"), lab.image.to_string());
    assert_eq!((said("image_type"), said("image_location")), ("snapshot", "snapshot"));
    assert_eq!((said("owner_id"), said("purpose")), (row.project.to_string().as_str(), "tests"));
    assert_eq!(image.min_disk_gib, row.flavor.root_gib);
    assert_eq!(
        (image.visibility, image.disk_format),
        (Visibility::Private, Some(DiskFormat::Qcow2))
    );
    // Nothing else is done to it meanwhile.
    assert!(ask(&lab, server).await.unwrap_err().to_string().contains("image_snapshot_pending"));
    let stop = lab.power_verbs().stop(&caller("r"), server).await;
    assert!(stop.unwrap_err().to_string().contains("task_state image_snapshot_pending"));
    let generation = row.imaging.unwrap().order.generation;
    for (step, known) in [
        (ImagingStep::Uploading, ImagingStep::Uploading),
        // What comes late does not take it back.
        (ImagingStep::Snapshot, ImagingStep::Uploading),
    ] {
        let host = lab.hosts[0].name.clone();
        let event = Event::DiskImaging { host, server, generation, step };
        let envelope = Envelope { body: Body::Event(event), ..envelope(&lab).await };
        lab.intake.handle(envelope).await.unwrap();
        assert_eq!(lab.server(server).await.imaging.unwrap().step, known);
    }
    lab.deliver().await;
    let news = lab.take_news();
    for _ in 0..2 {
        lab.intake.handle(news[0].clone()).await.unwrap();
    }
    let row = lab.server(server).await;
    assert_eq!((row.imaging, row.state), (None, ServerState::Active));
    assert_eq!(works(&lab).await, [Work::SealImage(id)]);
    let action = lab.actions(server).await.into_iter().find(|one| one.request.0 == "req-image");
    let event = action.unwrap().events.pop().unwrap();
    assert_eq!(event.name, "compute_snapshot_instance");
    assert_eq!(event.result, Some(EventResult::Success));
}

/// Any message, to be given another body.
async fn envelope(lab: &Lab) -> Envelope {
    let mut all = lab.outbox().await;
    Envelope { to: Address::Control, ..all.pop().unwrap() }
}

#[tokio::test]
async fn what_cannot_be_made_leaves_no_image() {
    let lab = lab().await;
    let (server, id) = imaging(&lab).await;
    let fails = &lab.hosts[0].volumes.fails;
    fails.lock().unwrap().insert("DiskToImage", "No room today.".into());
    lab.deliver().await;
    lab.hear().await;
    assert_eq!(lab.server(server).await.imaging, None);
    assert_eq!(find(&lab, id).await.unwrap().state, ImageState::Deleting);
    assert_eq!(works(&lab).await, [Work::DeleteImage(id)]);
    let action = lab.actions(server).await.into_iter().find(|one| one.request.0 == "req-image");
    assert_eq!(action.unwrap().message.as_deref(), Some("No room today."));
}

#[tokio::test]
async fn who_ends_the_server_or_its_state_ends_the_image() {
    let lab = lab().await;
    let (server, id) = imaging(&lab).await;
    lab.deliver().await;
    let news = lab.take_news();
    let admin = Caller { roles: vec!["admin".into()], ..caller("req-admin") };
    lab.power_verbs().reset_state(&admin, server, ResetTo::Active).await.unwrap();
    assert_eq!(find(&lab, id).await.unwrap().state, ImageState::Deleting);
    // What the agent brings afterwards is not kept.
    lab.intake.handle(news[0].clone()).await.unwrap();
    let discarded = |work: &Work| matches!(work, Work::DiscardUpload(of, _) if *of == id);
    assert!(works(&lab).await.iter().any(discarded));

    let id = ask(&lab, server).await.unwrap();
    lab.delete(server).await.unwrap();
    assert_eq!(find(&lab, id).await.unwrap().state, ImageState::Deleting);
    assert_eq!(lab.server(server).await.imaging, None);
}

#[tokio::test]
async fn an_order_is_sent_again_and_given_up() {
    let lab = lab().await;
    let (server, id) = imaging(&lab).await;
    lab.hosts[0].forgets.store(true, Ordering::SeqCst);
    lab.deliver().await;
    lab.pass(100, &["host-a"]).await;
    assert_eq!(lab.volume_orders().look().await.unwrap().sent_again, 1);
    lab.deliver().await;
    lab.pass(700, &[]).await;
    assert_eq!(lab.volume_orders().look().await.unwrap().given_up, 1);
    assert_eq!(lab.server(server).await.imaging, None);
    assert_eq!(find(&lab, id).await.unwrap().state, ImageState::Deleting);
}
