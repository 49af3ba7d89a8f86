//! Builds that do not work: another host, or an error that says why; and reports that say what events did not.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may")]

mod lab;

use hatchery_model::compute::{BuildStep, GuestPhase, Server, ServerState};
use hatchery_ports::bus::Handler;
use hatchery_ports::store::Store;
use lab::{FakeHost, Lab, caller};
use std::sync::atomic::Ordering;

fn fault(server: &Server) -> &hatchery_model::compute::Fault {
    match &server.state {
        ServerState::Failed(fault) => fault,
        state => panic!("{state:?}"),
    }
}

async fn two_hosts() -> Lab {
    // The one with more memory is tried first.
    Lab::with_hosts(vec![
        FakeHost::new("big", 1, 8, 32_768, 100),
        FakeHost::new("small", 2, 8, 16_384, 100),
    ])
    .await
}

#[tokio::test]
async fn no_host_is_nova_s_sentence_with_the_filters_counts() {
    let lab = Lab::new().await;
    let mut uow = lab.db.begin().await.unwrap();
    let mut flavor = uow.flavors().find(&lab.flavor).await.unwrap().unwrap();
    flavor.memory_mib = 1_000_000;
    uow.flavors().update(&flavor).await.unwrap();
    uow.commit().await.unwrap();
    let id = lab.create_one().await;
    lab.settle().await;
    let server = lab.server(id).await;
    let fault = fault(&server);
    assert_eq!(fault.code, 500);
    assert_eq!(fault.message, "No valid host was found. There are not enough hosts available.");
    assert_eq!(fault.details, "1 hosts were looked at. RamFilter refused 1.");
    assert!(lab.tasks().await.is_empty());
    // As in Nova, its ports stay its own until it is deleted.
    assert_eq!(lab.show_verb().run(&caller("r"), id).await.unwrap().addresses.len(), 1);
    lab.delete(id).await.unwrap();
    lab.settle().await;
    lab.assert_nothing_left().await;
}

#[tokio::test]
async fn a_host_that_fails_is_left_for_another() {
    let lab = two_hosts().await;
    *lab.hosts[0].fails.lock().unwrap() = Some("The disk is full.".into());
    let id = lab.create_one().await;
    lab.settle().await;
    let server = lab.server(id).await;
    assert_eq!(server.state, ServerState::Active);
    assert_eq!(server.host.as_ref().unwrap().as_str(), "small");
    lab.assert_claims_add_up().await;
    let actions = lab.actions(id).await;
    assert_eq!(actions[0].message, None, "it went well in the end");
    // The failed guest's entry on the first host is cleared by its next report.
    lab.pass(10, &["big", "small"]).await;
    lab.settle().await;
    assert_eq!(lab.hosts[0].known(), []);
    lab.delete(id).await.unwrap();
    lab.settle().await;
    lab.assert_nothing_left().await;
}

#[tokio::test]
async fn when_every_host_fails_the_user_learns_the_last_reason() {
    let lab = two_hosts().await;
    *lab.hosts[0].fails.lock().unwrap() = Some("The disk is full.".into());
    *lab.hosts[1].fails.lock().unwrap() = Some("The memory is gone.".into());
    let id = lab.create_one().await;
    lab.settle().await;
    let server = lab.server(id).await;
    let fault = fault(&server);
    assert_eq!(fault.message, "The memory is gone.");
    for part in ["RetryFilter refused 2", "compute_disk on big", "compute_disk on small"] {
        assert!(fault.details.contains(part), "{}", fault.details);
    }
    assert_eq!(server.host, None);
    lab.assert_claims_add_up().await;
    lab.pass(10, &["big", "small"]).await;
    lab.delete(id).await.unwrap();
    lab.settle().await;
    lab.assert_nothing_left().await;
}

/// A failure is heard again and again, also when the server is long on another host.
#[tokio::test]
async fn an_old_failure_does_not_hurt_the_next_try() {
    let lab = two_hosts().await;
    *lab.hosts[0].fails.lock().unwrap() = Some("no".into());
    let id = lab.create_one().await;
    lab.run_tasks().await;
    lab.deliver().await;
    let failed = lab.take_news();
    lab.intake.handle(failed[0].clone()).await.unwrap();
    lab.run_tasks().await;
    let placed = lab.server(id).await;
    for _ in 0..3 {
        lab.intake.handle(failed[0].clone()).await.unwrap();
        lab.run_tasks().await;
    }
    assert_eq!(lab.server(id).await, placed, "the other host is not left");
    assert_eq!(lab.server(id).await.state, ServerState::Building(BuildStep::Spawning));
    lab.deliver().await;
    let started = lab.take_news();
    for news in started.iter().chain(&failed).chain(&started).chain(&failed) {
        lab.intake.handle(news.clone()).await.unwrap();
    }
    let server = lab.server(id).await;
    assert_eq!((server.state, server.host.unwrap().as_str()), (ServerState::Active, "small"));
    lab.assert_claims_add_up().await;
}

#[tokio::test]
async fn a_host_that_falls_silent_in_a_build_is_left() {
    let lab = two_hosts().await;
    let id = lab.create_one().await;
    lab.run_tasks().await;
    lab.pass(35, &["big", "small"]).await;
    lab.run_tasks().await;
    assert_eq!(lab.server(id).await.host.unwrap().as_str(), "big", "it is heard still");
    lab.pass(61, &["small"]).await;
    lab.run_tasks().await;
    let server = lab.server(id).await;
    assert_eq!(server.host.unwrap().as_str(), "small");
    lab.settle().await;
    assert_eq!(lab.server(id).await.state, ServerState::Active);
    // The first host gets both orders, in their order, and has nothing in the end.
    assert_eq!(lab.hosts[0].known(), []);
    lab.assert_claims_add_up().await;
}

#[tokio::test]
async fn a_lost_start_is_found_in_a_report_and_the_late_event_still_tells_the_steps() {
    let lab = Lab::new().await;
    let id = lab.create_one().await;
    lab.run_tasks().await;
    lab.deliver().await;
    let started = lab.take_news();
    lab.pass(5, &["host-a"]).await;
    assert_eq!(
        lab.server(id).await.state,
        ServerState::Building(BuildStep::Spawning),
        "the event may be on its way"
    );
    lab.pass(31, &["host-a"]).await;
    let server = lab.server(id).await;
    assert_eq!((server.state, server.bytes_copied), (ServerState::Active, None));
    assert!(lab.tasks().await.is_empty());
    for _ in 0..2 {
        lab.intake.handle(started[0].clone()).await.unwrap();
    }
    let server = lab.server(id).await;
    assert_eq!((server.state, server.bytes_copied), (ServerState::Active, Some(0)));
    assert_eq!(lab.actions(id).await[0].events.len(), 6);
}

#[tokio::test]
async fn a_lost_stop_is_found_in_a_report() {
    let lab = Lab::new().await;
    let id = lab.create_one().await;
    lab.settle().await;
    lab.hosts[0].force(id, Some(GuestPhase::Stopped));
    lab.pass(31, &["host-a"]).await;
    assert_eq!(lab.server(id).await.state, ServerState::Stopped);
    lab.hosts[0].force(id, Some(GuestPhase::Running));
    lab.pass(31, &["host-a"]).await;
    assert_eq!(lab.server(id).await.state, ServerState::Active);
}

/// One report without the guest proves nothing; reports that lack it for long do.
#[tokio::test]
async fn a_guest_that_is_gone_for_long_is_an_error() {
    let lab = Lab::new().await;
    let id = lab.create_one().await;
    lab.settle().await;
    lab.hosts[0].force(id, None);
    lab.pass(40, &["host-a"]).await;
    assert_eq!(lab.server(id).await.state, ServerState::Active);
    lab.pass(31, &["host-a"]).await;
    let server = lab.server(id).await;
    assert!(fault(&server).message.contains("does not have the instance's guest"));
    lab.delete(id).await.unwrap();
    lab.settle().await;
    lab.assert_nothing_left().await;
}

/// The agent took the order over and lost it: another host gets it. An order that is still in the outbox is not lost.
#[tokio::test]
async fn an_order_that_a_host_lost_goes_to_another() {
    let lab = two_hosts().await;
    let id = lab.create_one().await;
    lab.run_tasks().await;
    for _ in 0..3 {
        lab.pass(31, &["big", "small"]).await;
    }
    assert_eq!(lab.server(id).await.host.unwrap().as_str(), "big", "the order is not out yet");
    lab.hosts[0].forgets.store(true, Ordering::SeqCst);
    lab.deliver().await;
    lab.hosts[0].forgets.store(false, Ordering::SeqCst);
    lab.pass(31, &["big", "small"]).await;
    lab.settle().await;
    let server = lab.server(id).await;
    assert_eq!((server.state, server.host.unwrap().as_str()), (ServerState::Active, "small"));
    lab.assert_claims_add_up().await;
}

/// The image went while the server waited for a host.
#[tokio::test]
async fn an_image_that_is_gone_fails_the_build() {
    let lab = Lab::new().await.placing_later();
    let id = lab.create_one().await;
    let mut uow = lab.db.begin().await.unwrap();
    uow.images().delete(lab.image).await.unwrap();
    uow.commit().await.unwrap();
    lab.settle().await;
    let server = lab.server(id).await;
    assert_eq!(fault(&server).message, format!("Image {} could not be found.", lab.image));
    assert!(lab.tasks().await.is_empty());
    lab.delete(id).await.unwrap();
    lab.settle().await;
    lab.assert_nothing_left().await;
}
