//! Many at once, over a bus that loses, repeats and reorders: nothing is oversold, everyone ends, nothing is left.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may")]

mod lab;

use async_trait::async_trait;
use hatchery_bus::InProcessBus;
use hatchery_control::compute::{NetworkChoice, NewServer};
use hatchery_control::workflow::OutboxRelay;
use hatchery_model::compute::ServerState;
use hatchery_model::id::ServerId;
use hatchery_model::message::{Address, Envelope};
use hatchery_ports::bus::{Bus, Handler, Subscription};
use hatchery_ports::entropy::Entropy;
use hatchery_ports::store::Store;
use hatchery_testkit::SeededEntropy;
use lab::{FakeHost, Lab, caller};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;

/// Drops, repeats or takes what comes, by the dice. What it drops before it has taken it over it refuses, as the bus's contract has it.
struct Dice {
    entropy: SeededEntropy,
    inner: Arc<dyn Handler>,
    /// Of 256.
    loses: u8,
    repeats: u8,
}

impl Dice {
    fn roll(&self) -> u8 {
        let mut byte = [0];
        self.entropy.fill(&mut byte);
        byte[0]
    }
}

#[async_trait]
impl Handler for Dice {
    async fn handle(&self, envelope: Envelope) -> Result<(), String> {
        if self.roll() < self.loses {
            return Err("lost before it was taken over".into());
        }
        if self.roll() < self.repeats {
            self.inner.handle(envelope.clone()).await?;
        }
        self.inner.handle(envelope).await?;
        if self.roll() < self.loses {
            return Err("taken over, and the answer lost".into());
        }
        Ok(())
    }
}

struct World {
    lab: Arc<Lab>,
    _subscriptions: Vec<Subscription>,
    _loops: JoinSet<()>,
}

impl World {
    /// Runs the control plane's loops and the hosts' agents over a bus with so much bad luck, of 256.
    async fn run(lab: Lab, bad_luck: u8) -> Self {
        let lab = Arc::new(lab);
        let bus = InProcessBus::new();
        let mut subscriptions = Vec::new();
        let mut loops = JoinSet::new();
        let dice = |seed: u64, inner: Arc<dyn Handler>| {
            Arc::new(Dice {
                entropy: SeededEntropy::new(seed),
                inner,
                loses: bad_luck,
                repeats: bad_luck,
            })
        };
        subscriptions
            .push(bus.subscribe(Address::Control, dice(1, lab.intake.clone())).await.unwrap());
        for (seed, host) in (2..).zip(&lab.hosts) {
            let address = Address::Host(host.name.clone());
            subscriptions.push(bus.subscribe(address, dice(seed, host.clone())).await.unwrap());
            loops.spawn(tell(host.clone(), bus.clone(), seed + 100));
        }
        // Two schedulers at once.
        for _ in 0..2 {
            let runner = lab.runner.clone();
            loops.spawn(async move { runner.run().await });
        }
        let relay = OutboxRelay {
            store: lab.store.clone(),
            bus: Arc::new(bus),
            outgoing: lab.outgoing.clone(),
        };
        loops.spawn(async move { relay.run().await });
        Self { lab, _subscriptions: subscriptions, _loops: loops }
    }

    /// Waits, bounded, until a condition on the servers' states holds.
    async fn until(&self, ids: &[ServerId], what: &str, holds: impl Fn(&ServerState) -> bool) {
        for _ in 0..3000 {
            let mut all = true;
            for id in ids {
                all &= holds(&self.lab.server(*id).await.state);
            }
            if all {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        for id in ids {
            let state = self.lab.server(*id).await.state;
            assert!(holds(&state), "{what}: {id} is {state:?}");
        }
    }

    /// Waits, bounded, until every order is sent and forgotten.
    async fn quiet(&self) {
        for _ in 0..1000 {
            if self.lab.outbox().await.is_empty() && self.lab.tasks().await.is_empty() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

/// Sends a host's news, each until it is taken over, in whatever order the dice say.
async fn tell(host: Arc<FakeHost>, bus: InProcessBus, seed: u64) {
    let entropy = SeededEntropy::new(seed);
    loop {
        let next = {
            let mut news = host.news.lock().unwrap();
            let mut byte = [0];
            entropy.fill(&mut byte);
            let place = usize::from(byte[0]) % news.len().max(1);
            news.remove(place)
        };
        match next {
            None => host.told.notified().await,
            Some(envelope) => {
                while bus.send(envelope.clone()).await.is_err() {
                    tokio::task::yield_now().await;
                }
            }
        }
    }
}

fn ended(state: &ServerState) -> bool {
    matches!(state, ServerState::Active | ServerState::Failed(_))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_small_host_is_never_oversold() {
    // Room for 7 by memory: (4096 - 512) / 512.
    let lab = Lab::with_hosts(vec![FakeHost::new("host-a", 1, 8, 4096, 100)]).await;
    let world = World::run(lab, 0).await;
    let mut requests = JoinSet::new();
    for number in 0..20 {
        let lab = world.lab.clone();
        requests.spawn(async move {
            lab.create(&caller(&format!("req-{number}")), lab.wanted()).await.unwrap()[0].id
        });
    }
    let ids = requests.join_all().await;
    world.until(&ids, "all end", ended).await;
    let mut active = 0;
    for id in &ids {
        active += usize::from(world.lab.server(*id).await.state == ServerState::Active);
    }
    assert_eq!(active, 7);
    assert_eq!(world.lab.hosts[0].running().len(), 7);
    world.lab.assert_claims_add_up().await;
    let mut uow = world.lab.db.read().await.unwrap();
    assert_eq!(uow.hosts().list().await.unwrap()[0].claimed.memory_mib, 7 * 512);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn creates_and_deletes_through_a_bad_bus_leave_nothing() {
    let hosts =
        (0..3).map(|n| FakeHost::new(&format!("host-{n}"), 40 + n, 32, 32_768, 500)).collect();
    let world = World::run(Lab::with_hosts(hosts).await, 77).await;
    let mut requests = JoinSet::new();
    for number in 0..30 {
        let lab = world.lab.clone();
        requests.spawn(async move {
            let networks = if number % 3 == 0 { NetworkChoice::None } else { NetworkChoice::Auto };
            let new = NewServer { networks, ..lab.wanted() };
            let id = lab.create(&caller(&format!("req-{number}")), new).await.unwrap()[0].id;
            // A third is deleted wherever it is by then.
            if number % 3 == 1 {
                tokio::time::sleep(Duration::from_millis(number)).await;
                lab.delete_verb().run(&caller(&format!("req-d{number}")), id).await.unwrap();
            }
            (number, id)
        });
    }
    let made = requests.join_all().await;
    let split = |deleted: bool| -> Vec<ServerId> {
        made.iter().filter(|(n, _)| (n % 3 == 1) == deleted).map(|(_, id)| *id).collect()
    };
    let (kept, deleted) = (split(false), split(true));
    world.until(&kept, "kept ones run", |state| *state == ServerState::Active).await;
    world.until(&deleted, "deleted ones go", |s| matches!(s, ServerState::Deleted { .. })).await;
    world.lab.assert_claims_add_up().await;
    for (number, id) in &made {
        if number % 3 != 1 {
            let caller = caller(&format!("req-e{number}"));
            world.lab.delete_verb().run(&caller, *id).await.unwrap();
        }
    }
    world.until(&kept, "all go", |s| matches!(s, ServerState::Deleted { .. })).await;
    world.quiet().await;
    // An order of a build may have come again after its delete's answer; a report shows what is left.
    world.lab.pass(40, &["host-0", "host-1", "host-2"]).await;
    world.quiet().await;
    world.lab.assert_nothing_left().await;
}
