//! A server from request to `Active` to nothing, and what each stage leaves behind.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may")]

mod lab;

use hatchery_control::Error;
use hatchery_model::compute::{ActionKind, BuildStep, EventResult, GuestPhase, ServerState};
use hatchery_model::id::ServerId;
use hatchery_model::message::{Body, Command};
use hatchery_model::network::PortStatus;
use hatchery_model::provision::Rung;
use hatchery_ports::bus::Handler;
use hatchery_ports::store::{PortFilter, Store};
use lab::{Lab, caller};

#[tokio::test]
async fn a_server_is_made_runs_and_leaves_nothing() {
    let lab = Lab::new().await;
    let id = lab.create_one().await;
    assert!(lab.tasks().await.is_empty());
    live_and_go(&lab, id).await;
}

#[tokio::test]
async fn the_same_in_steps() {
    let lab = Lab::new().await.placing_later();
    let id = lab.create_one().await;
    let server = lab.server(id).await;
    assert_eq!(server.state, ServerState::Building(BuildStep::Scheduling));
    assert_eq!((server.hostname.as_str(), server.host), ("web-1", None));
    lab.run_tasks().await;
    live_and_go(&lab, id).await;
}

/// From the order on.
async fn live_and_go(lab: &Lab, id: ServerId) {
    let server = lab.server(id).await;
    assert_eq!(server.state, ServerState::Building(BuildStep::Spawning));
    let plan = server.plan.unwrap();
    assert_eq!((plan.rung, plan.copies.0), (Rung::HardLink, 0));

    let outbox = lab.outbox().await;
    let Body::Command(Command::BuildGuest(spec)) = &outbox[0].body else {
        panic!("{outbox:?}");
    };
    assert_eq!(spec.generation, server.generation);
    assert_eq!(spec.name, "instance-00000001");
    assert_eq!(spec.nics.len(), 1);
    assert_eq!(spec.nics[0].addresses.len(), 1);
    let serves = spec.nics[0].network.subnets[0].server_address.unwrap();
    assert_ne!(serves, spec.nics[0].addresses[0].address);
    assert_eq!(spec.metadata.availability_zone, "nova");
    assert_eq!(spec.metadata.random_seed.len(), 684);

    lab.deliver().await;
    lab.hear().await;
    let server = lab.server(id).await;
    assert_eq!(server.state, ServerState::Active);
    assert_eq!((server.bytes_copied, server.launched_at.is_some()), (Some(0), true));
    assert!(lab.tasks().await.is_empty());
    lab.assert_claims_add_up().await;
    let detail = lab.show_verb().run(&caller("r"), id).await.unwrap();
    assert_eq!(detail.addresses[0].network, "net-1");
    assert_eq!(detail.host.unwrap().host.claimed.memory_mib, 512);

    lab.delete(id).await.unwrap();
    lab.delete(id).await.unwrap();
    assert!(matches!(lab.server(id).await.state, ServerState::Deleting { .. }));
    lab.settle().await;
    assert!(matches!(lab.server(id).await.state, ServerState::Deleted { .. }));
    lab.assert_nothing_left().await;
    let gone = lab.show_verb().run(&caller("r"), id).await;
    assert!(matches!(gone, Err(Error::NotFound { .. })));
    assert!(matches!(lab.delete(id).await, Err(Error::NotFound { .. })));
}

#[tokio::test]
async fn the_timeline_tells_every_step() {
    let lab = Lab::new().await;
    let id = lab.create_one().await;
    lab.settle().await;
    lab.delete(id).await.unwrap();
    lab.settle().await;
    let actions = lab.actions(id).await;
    assert_eq!(actions.len(), 2);
    let create = actions.iter().find(|a| a.kind == ActionKind::Create).unwrap();
    let names: Vec<_> = create.events.iter().map(|event| event.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "api_create",
            "conductor_schedule",
            "compute_claim",
            "compute_disk",
            "compute_define",
            "compute_start"
        ]
    );
    assert!(create.events.iter().all(|event| event.result == Some(EventResult::Success)));
    assert!(create.events[1].details.as_ref().unwrap().contains("hard link, 0 B"));
    let delete = actions.iter().find(|a| a.kind == ActionKind::Delete).unwrap();
    assert_eq!(delete.events[0].name, "compute_destroy");
}

/// The promise of few statements and few fsyncs.
#[tokio::test]
async fn a_create_asks_little_of_the_database() {
    let lab = Lab::new().await;
    let mut before = lab.db.figures();
    let mut counted = |lab: &Lab| {
        let now = lab.db.figures();
        let counts = (now.statements - before.statements, now.commits - before.commits);
        before = now;
        counts
    };
    lab.create_one().await;
    let request = counted(&lab);
    let orders = lab.outbox().await;
    counted(&lab);
    lab.hand_over(&orders[0]).await;
    lab.hear().await;
    let started = counted(&lab);
    println!("request {request:?}, started {started:?} (statements, commits)");
    assert!(request.0 <= 7 && request.1 == 1, "request {request:?}");
    assert!(started.0 <= 4 && started.1 == 1, "started {started:?}");

    // Where no host takes it at once, the runner tries with what is written down.
    let lab = lab.placing_later();
    lab.create_one().await;
    let request = counted(&lab);
    let task = lab.tasks().await.remove(0);
    counted(&lab);
    lab.runner.build_server.run(&task).await.unwrap();
    let place = counted(&lab);
    println!("request {request:?}, place {place:?} (statements, commits)");
    assert!(request.0 <= 6 && request.1 == 1, "request {request:?}");
    assert!(place.0 <= 6 && place.1 == 1, "place {place:?}");
}

#[tokio::test]
async fn a_guest_that_ends_by_itself_is_stopped_and_its_port_down() {
    let lab = Lab::new().await;
    let id = lab.create_one().await;
    lab.settle().await;
    let host = &lab.hosts[0];
    host.force(id, Some(GuestPhase::Stopped));
    let event = hatchery_model::message::Event::GuestStopped {
        host: host.name.clone(),
        server: id,
        at: hatchery_model::timestamp::Timestamp(0),
        reason: "it powered itself off".into(),
        generation: Default::default(),
    };
    let envelope = host.envelope("req-x".into(), event);
    for _ in 0..2 {
        lab.intake.handle(envelope.clone()).await.unwrap();
    }
    assert_eq!(lab.server(id).await.state, ServerState::Stopped);
    let actions = lab.actions(id).await;
    let stops: Vec<_> = actions.iter().filter(|a| a.kind == ActionKind::Stop).collect();
    assert_eq!(stops.len(), 1);
    assert_eq!(stops[0].message.as_deref(), Some("it powered itself off"));
    let mut uow = lab.db.read().await.unwrap();
    let filter = PortFilter { device_id: Some(id.to_string()), ..PortFilter::default() };
    let ports = uow.ports().list(&filter).await.unwrap();
    assert_eq!(ports[0].status, PortStatus::Down);
}
