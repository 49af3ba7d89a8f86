//! Rows that do not add up: made wrong by hand, found and put right by one look, and quiet at the second.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may")]

mod lab;

use hatchery_control::reconcile::{Census, Findings};
use hatchery_model::base::BasePin;
use hatchery_model::compute::{BuildStep, Claim, ServerState};
use hatchery_model::id::{HostName, ServerId};
use hatchery_model::task::Work;
use hatchery_ports::clock::Clock;
use hatchery_ports::store::{PortFilter, Store};
use lab::Lab;
use uuid::Uuid;

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

/// One look finds exactly this, and the next finds nothing.
async fn finds(lab: &Lab, wanted: Findings) {
    let census = census(lab);
    assert_eq!(census.look().await.unwrap(), wanted);
    assert_eq!(census.look().await.unwrap(), Findings::default());
    lab.assert_claims_add_up().await;
}

#[tokio::test]
async fn in_order_there_is_nothing_to_find() {
    let lab = Lab::new().await;
    let running = lab.create_one().await;
    lab.settle().await;
    lab.create_one().await;
    finds(&lab, Findings::default()).await;
    let lab = lab.placing_later();
    lab.create_one().await;
    finds(&lab, Findings::default()).await;
    lab.delete(running).await.unwrap();
    finds(&lab, Findings::default()).await;
}

#[tokio::test]
async fn claims_follow_the_servers() {
    let lab = Lab::new().await;
    let id = lab.create_one().await;
    lab.settle().await;
    let mut uow = lab.db.begin().await.unwrap();
    uow.claims().delete(id).await.unwrap();
    let ghost = ServerId(Uuid::from_u128(77));
    let claim = Claim { servers: 1, memory_mib: 5, ..Claim::default() };
    let host = uow.hosts().find(&HostName::from("host-a")).await.unwrap().unwrap();
    uow.claims().insert(ghost, &host, claim, None).await.unwrap();
    uow.commit().await.unwrap();
    let wanted = Findings { stray_claims: 1, missing_claims: 1, ..Findings::default() };
    finds(&lab, wanted).await;
    lab.delete(id).await.unwrap();
    lab.settle().await;
    lab.assert_nothing_left().await;
}

#[tokio::test]
async fn work_that_was_lost_is_written_down_again() {
    let lab = Lab::new().await.placing_later();
    let id = lab.create_one().await;
    let mut uow = lab.db.begin().await.unwrap();
    uow.tasks().delete_by_work(&Work::BuildServer(id)).await.unwrap();
    uow.commit().await.unwrap();
    lab.settle().await;
    assert_eq!(lab.server(id).await.state, ServerState::Building(BuildStep::Scheduling));
    let wanted = Findings { missing_tasks: 1, ..Findings::default() };
    finds(&lab, wanted).await;
    lab.settle().await;
    assert_eq!(lab.server(id).await.state, ServerState::Active);
    lab.delete(id).await.unwrap();
    let mut uow = lab.db.begin().await.unwrap();
    uow.tasks().delete_by_work(&Work::DeleteServer(id)).await.unwrap();
    uow.commit().await.unwrap();
    finds(&lab, wanted).await;
    lab.settle().await;
    lab.assert_nothing_left().await;
}

#[tokio::test]
async fn ports_of_servers_that_are_gone_are_let_go() {
    let lab = Lab::new().await.placing_later();
    let id = lab.create_one().await;
    let mut uow = lab.db.begin().await.unwrap();
    let mut server = uow.servers().find(id).await.unwrap().unwrap();
    server.state = ServerState::Deleted { at: server.created_at };
    uow.servers().update(&server).await.unwrap();
    uow.tasks().delete_by_work(&Work::BuildServer(id)).await.unwrap();
    uow.commit().await.unwrap();
    finds(&lab, Findings { stray_ports: 1, ..Findings::default() }).await;
    let mut uow = lab.db.read().await.unwrap();
    let of_server = PortFilter { device_id: Some(id.to_string()), ..PortFilter::default() };
    assert_eq!(uow.ports().list(&of_server).await.unwrap(), []);
}

#[tokio::test]
async fn pins_go_when_their_time_is_over() {
    let lab = Lab::new().await;
    let now = lab.clock.now();
    let mut uow = lab.db.begin().await.unwrap();
    for (by, seconds) in [("short", 5), ("long", 500)] {
        let pin = BasePin { image: lab.image, by: by.into(), until: now.plus_seconds(seconds) };
        uow.leases().insert_pin(&pin).await.unwrap();
    }
    uow.commit().await.unwrap();
    finds(&lab, Findings::default()).await;
    lab.pass(5, &["host-a"]).await;
    finds(&lab, Findings { pins_over: 1, ..Findings::default() }).await;
    let mut uow = lab.db.read().await.unwrap();
    let left = uow.leases().list_pins(Some(lab.image)).await.unwrap();
    assert_eq!(left.iter().map(|pin| pin.by.as_str()).collect::<Vec<_>>(), ["long"]);
}

#[tokio::test]
async fn deleted_rows_are_kept_until_the_operator_says_otherwise() {
    let lab = Lab::new().await;
    let id = lab.create_one().await;
    lab.settle().await;
    lab.delete(id).await.unwrap();
    lab.settle().await;
    lab.pass(1000, &["host-a"]).await;
    finds(&lab, Findings::default()).await;
    let patient = Census { forget_deleted_after_seconds: Some(1001), ..census(&lab) };
    assert_eq!(patient.look().await.unwrap(), Findings::default());
    let census = Census { forget_deleted_after_seconds: Some(999), ..census(&lab) };
    assert_eq!(census.look().await.unwrap().forgotten, 1);
    let mut uow = lab.db.read().await.unwrap();
    assert_eq!(uow.servers().find(id).await.unwrap(), None);
}
