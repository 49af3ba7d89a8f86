//! Who uses a base: a lease is taken before the order goes out, and stands until the host has said that nothing is left, whatever becomes of the
//! server meanwhile.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may")]

mod lab;

use hatchery_control::Error;
use hatchery_control::pool::StoreLeases;
use hatchery_control::reconcile::Census;
use hatchery_model::base::{BaseLease, BaseName, BasePin, LeaseHolder};
use hatchery_model::compute::{Server, ServerState};
use hatchery_model::id::ServerId;
use hatchery_model::image::{ImageFormat, ImageState};
use hatchery_model::message::{Body, Event};
use hatchery_ports::base_leases::BaseLeases;
use hatchery_ports::bus::Handler;
use hatchery_ports::clock::Clock;
use hatchery_ports::store::Store;
use lab::{FakeHost, Lab, caller};
use std::sync::atomic::Ordering;

/// The hosts on which a server's disks hold the image's base.
async fn held_on(lab: &Lab, id: ServerId) -> Vec<String> {
    let leases = StoreLeases { store: lab.store.clone(), clock: lab.clock.clone() };
    let book = leases.list().await.unwrap();
    let of = |lease: &BaseLease| match &lease.holder {
        LeaseHolder::Disk { host, disk, server } if *server == Some(id) => {
            assert_eq!((disk, lease.format), (&id.to_string(), Some(ImageFormat::Qcow2)));
            Some(host.clone())
        }
        LeaseHolder::Disk { .. } | LeaseHolder::Pin { .. } => None,
    };
    book.of(&BaseName::of(lab.image)).iter().filter_map(of).collect()
}

async fn nobody(lab: &Lab, id: ServerId) {
    assert_eq!(held_on(lab, id).await, [""; 0]);
}

async fn two_hosts() -> Lab {
    // The one with more memory is tried first.
    Lab::with_hosts(vec![
        FakeHost::new("big", 1, 8, 32_768, 100),
        FakeHost::new("small", 2, 8, 16_384, 100),
    ])
    .await
}

/// The image is being deleted: what `DELETE /v2/images/{id}` writes.
async fn image_goes(lab: &Lab) {
    let mut uow = lab.db.begin().await.unwrap();
    let mut image = uow.images().find(lab.image).await.unwrap().unwrap();
    image.state = ImageState::Deleting;
    uow.images().update(&image).await.unwrap();
    uow.commit().await.unwrap();
}

#[tokio::test]
async fn a_lease_stands_from_the_request_to_the_host_s_last_word() {
    let lab = Lab::new().await;
    let id = lab.create_one().await;
    assert_eq!(held_on(&lab, id).await, ["host-a"], "before the order has left");
    lab.settle().await;
    assert_eq!(held_on(&lab, id).await, ["host-a"]);
    image_goes(&lab).await;
    lab.delete(id).await.unwrap();
    lab.run_tasks().await;
    lab.deliver().await;
    assert_eq!(held_on(&lab, id).await, ["host-a"], "the host has not answered yet");
    lab.hear().await;
    nobody(&lab, id).await;
}

#[tokio::test]
async fn a_server_that_waits_for_a_host_takes_its_lease_with_it() {
    let lab = Lab::new().await.placing_later();
    let id = lab.create_one().await;
    nobody(&lab, id).await;
    lab.run_tasks().await;
    assert_eq!(held_on(&lab, id).await, ["host-a"]);
}

#[tokio::test]
async fn a_silent_host_keeps_the_lease_of_a_deleted_server() {
    let lab = Lab::new().await;
    let id = lab.create_one().await;
    lab.settle().await;
    lab.pass(61, &[]).await;
    lab.delete(id).await.unwrap();
    lab.run_tasks().await;
    assert!(matches!(lab.server(id).await.state, ServerState::Deleted { .. }));
    assert_eq!(held_on(&lab, id).await, ["host-a"]);
    // 30 days are no evidence.
    lab.pass(30 * 86_400, &[]).await;
    lab.run_tasks().await;
    census(&lab).look().await.unwrap();
    assert_eq!(held_on(&lab, id).await, ["host-a"]);
    lab.pass(0, &["host-a"]).await;
    lab.settle().await;
    nobody(&lab, id).await;
    lab.assert_nothing_left().await;
}

#[tokio::test]
async fn a_host_that_fell_silent_while_it_built_keeps_its_lease_beside_the_next() {
    let lab = two_hosts().await;
    let id = lab.create_one().await;
    lab.deliver().await;
    lab.take_news();
    lab.pass(61, &["small"]).await;
    lab.runner.build_server.sweep().await.unwrap();
    assert_eq!(held_on(&lab, id).await, ["big"], "it may have begun");
    lab.run_tasks().await;
    assert_eq!(held_on(&lab, id).await, ["big", "small"]);
    lab.settle().await;
    assert_eq!(held_on(&lab, id).await, ["small"], "the order was answered");
    assert_eq!(lab.server(id).await.host.unwrap().as_str(), "small");
}

#[tokio::test]
async fn a_host_that_could_not_build_has_cleared_up() {
    let lab = two_hosts().await;
    *lab.hosts[0].fails.lock().unwrap() = Some("The disk is full.".into());
    let id = lab.create_one().await;
    lab.deliver().await;
    assert_eq!(held_on(&lab, id).await, ["big"]);
    lab.hear().await;
    nobody(&lab, id).await;
    lab.run_tasks().await;
    assert_eq!(held_on(&lab, id).await, ["small"]);
}

#[tokio::test]
async fn a_host_that_lost_the_order_is_asked_what_became_of_it() {
    let lab = two_hosts().await;
    lab.hosts[0].forgets.store(true, Ordering::SeqCst);
    let id = lab.create_one().await;
    lab.deliver().await;
    lab.pass(61, &["big", "small"]).await;
    lab.pass(31, &["big", "small"]).await;
    assert_eq!(held_on(&lab, id).await, ["big"]);
    // It loses this order too.
    lab.settle().await;
    assert_eq!(held_on(&lab, id).await, ["big", "small"]);
    lab.hosts[0].forgets.store(false, Ordering::SeqCst);
    lab.pass(601, &["big", "small"]).await;
    assert_eq!(census(&lab).look().await.unwrap().asked_again, 1);
    lab.settle().await;
    assert_eq!(held_on(&lab, id).await, ["small"]);
    assert_eq!(census(&lab).look().await.unwrap().asked_again, 0);
}

/// News of an earlier end say nothing of a disk that was made later.
#[tokio::test]
async fn an_old_goodbye_ends_no_lease() {
    let lab = Lab::new().await;
    let id = lab.create_one().await;
    lab.settle().await;
    lab.pass(61, &[]).await;
    lab.delete(id).await.unwrap();
    lab.run_tasks().await;
    let left = lab.db.read().await.unwrap().leases().list_left().await.unwrap();
    for (generation, wanted) in [(left[0].generation.0 - 1, 1), (left[0].generation.0, 0)] {
        let gone = Event::GuestGone {
            host: lab.hosts[0].name.clone(),
            server: id,
            generation: hatchery_model::generation::Generation(generation),
            steps: Vec::new(),
        };
        let envelope = lab.hosts[0].envelope("req-old".into(), gone);
        assert!(matches!(envelope.body, Body::Event(_)));
        for _ in 0..2 {
            lab.intake.handle(envelope.clone()).await.unwrap();
        }
        assert_eq!(held_on(&lab, id).await.len(), wanted, "generation {generation}");
    }
}

/// The image goes first: no server takes a lease any more, at the request or later.
#[tokio::test]
async fn no_lease_is_taken_on_an_image_that_goes() {
    let lab = Lab::new().await.placing_later();
    let waiting = lab.create_one().await;
    image_goes(&lab).await;
    let refused = lab.create(&caller("req-late"), lab.wanted()).await;
    assert!(matches!(refused, Err(Error::Invalid(_))), "{refused:?}");
    lab.settle().await;
    nobody(&lab, waiting).await;
    assert!(matches!(lab.server(waiting).await.state, ServerState::Failed(_)));
}

/// Both at once: whoever came first, each server that was taken has its lease, and none is taken after the image was seen to be going.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_create_races_with_the_image_s_delete() {
    let (mut taken, mut refused) = (0, 0);
    for round in 0..20 {
        let lab = Lab::with_hosts(vec![FakeHost::new("host-a", 11, 8, 16_384, 100)]).await;
        let leases = StoreLeases { store: lab.store.clone(), clock: lab.clock.clone() };
        let create = async {
            if round % 2 == 1 {
                tokio::task::yield_now().await;
            }
            lab.create(&caller("req-race"), lab.wanted()).await
        };
        let sweep = async {
            image_goes(&lab).await;
            leases.list().await.unwrap()
        };
        let (created, seen): (Result<Vec<Server>, Error>, _) = tokio::join!(create, sweep);
        let after = leases.list().await.unwrap();
        assert_eq!(seen, after, "a lease came after the image had gone");
        assert_eq!(after.holds(&BaseName::of(lab.image)), created.is_ok());
        match created {
            Ok(_) => taken += 1,
            Err(_) => refused += 1,
        }
    }
    assert!(taken > 0 && refused > 0, "both orders: {taken} taken, {refused} refused");
}

#[tokio::test]
async fn a_pin_holds_until_its_time() {
    let lab = Lab::new().await;
    let until = lab.clock.now().plus_seconds(60);
    let pin = BasePin { image: lab.image, by: "aggregate 3".into(), until };
    let mut uow = lab.db.begin().await.unwrap();
    uow.leases().insert_pin(&pin).await.unwrap();
    uow.commit().await.unwrap();
    let leases = StoreLeases { store: lab.store.clone(), clock: lab.clock.clone() };
    let base = BaseName::of(lab.image);
    assert_eq!(leases.list().await.unwrap().of(&base), [pin.lease()]);
    lab.clock.advance_micros(60_000_000);
    assert!(!leases.list().await.unwrap().holds(&base));
}

fn census(lab: &Lab) -> Census {
    Census {
        store: lab.store.clone(),
        clock: lab.clock.clone(),
        entropy: lab.entropy.clone(),
        wake: Default::default(),
        tasks: lab.tasks.clone(),
        forget_deleted_after_seconds: None,
    }
}
