//! The way of a create through the control plane's own loops: what it asks of the database in all, and (printed, not judged) where its time goes.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may")]

mod lab;

use async_trait::async_trait;
use hatchery_bus::InProcessBus;
use hatchery_control::workflow::OutboxRelay;
use hatchery_db::Database;
use hatchery_model::compute::ServerState;
use hatchery_model::id::ServerId;
use hatchery_model::message::{Address, Envelope};
use hatchery_ports::bus::{Bus, Handler, Subscription};
use hatchery_ports::store::Store;
use lab::{FakeHost, Lab};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// Says when an order has arrived, before it is carried out.
struct Arrivals {
    host: Arc<FakeHost>,
    at: mpsc::UnboundedSender<Instant>,
}

#[async_trait]
impl Handler for Arrivals {
    async fn handle(&self, envelope: Envelope) -> Result<(), String> {
        self.at.send(Instant::now()).unwrap();
        self.host.handle(envelope).await
    }
}

/// Carries a host's news.
async fn tell(host: Arc<FakeHost>, bus: InProcessBus) {
    loop {
        let next = host.news.lock().unwrap().pop_front();
        match next {
            None => host.told.notified().await,
            Some(envelope) => bus.send(envelope).await.unwrap(),
        }
    }
}

struct World {
    lab: Lab,
    /// Looks at the rows without being counted.
    eye: Database,
    arrivals: mpsc::UnboundedReceiver<Instant>,
    _subscriptions: Vec<Subscription>,
    _loops: JoinSet<()>,
}

impl World {
    async fn new() -> Self {
        let lab = Lab::new().await;
        let file = lab._dir.path().join("db");
        let eye = Database::open(&format!("sqlite:{}", file.display())).await.unwrap();
        let bus = InProcessBus::new();
        let (at, arrivals) = mpsc::unbounded_channel();
        let host = lab.hosts[0].clone();
        let handler = Arc::new(Arrivals { host: host.clone(), at });
        let subscriptions = vec![
            bus.subscribe(Address::Host(host.name.clone()), handler).await.unwrap(),
            bus.subscribe(Address::Control, lab.intake.clone()).await.unwrap(),
        ];
        let relay = OutboxRelay {
            store: lab.store.clone(),
            bus: Arc::new(bus.clone()),
            outgoing: lab.outgoing.clone(),
        };
        let runner = lab.runner.clone();
        let mut loops = JoinSet::new();
        loops.spawn(async move { relay.run().await });
        loops.spawn(async move { runner.run().await });
        loops.spawn(tell(host, bus));
        Self { lab, eye, arrivals, _subscriptions: subscriptions, _loops: loops }
    }

    /// Waits, bounded, until the server runs and its order is forgotten; says when it ran.
    async fn until_done(&self, id: ServerId) -> Instant {
        let mut active = None;
        for _ in 0..10_000 {
            let mut uow = self.eye.read().await.unwrap();
            if active.is_none() {
                let server = uow.servers().find(id).await.unwrap().unwrap();
                active = (server.state == ServerState::Active).then(Instant::now);
            }
            if let Some(active) = active
                && uow.outbox().list(0, 1).await.unwrap().is_empty()
            {
                return active;
            }
            drop(uow);
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        panic!("the server is {:?}", self.lab.server(id).await.state);
    }
}

/// Of everything that a create asks of the database: the request, the news, the order's removal.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_create_in_all() {
    let mut world = World::new().await;
    let (mut requests, mut ways, mut counts) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..8 {
        let before = world.lab.db.figures();
        let began = Instant::now();
        let id = world.lab.create_one().await;
        let answered = Instant::now();
        let arrived = world.arrivals.recv().await.unwrap();
        let active = world.until_done(id).await;
        let after = world.lab.db.figures();
        requests.push(answered - began);
        ways.push((arrived - began, active - began));
        counts.push((after.statements - before.statements, after.commits - before.commits));
    }
    requests.sort();
    ways.sort();
    println!("answered {:?}; order at the host, server active {:?}", requests[4], ways[4]);
    // The loops' timers look at the rows now and then, whatever is done: that is no create's.
    let least = counts.iter().min().unwrap();
    println!("statements and commits: {counts:?}");
    assert!(least.0 <= 12 && least.1 <= 3, "{counts:?}");
}
