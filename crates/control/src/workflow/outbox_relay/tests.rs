//! Orders handed over from memory keep to the order of the rows.

use super::OutboxRelay;
use crate::workflow::{Order, Outgoing};
use async_trait::async_trait;
use hatchery_bus::InProcessBus;
use hatchery_db::Database;
use hatchery_model::id::{HostName, ImageId, MessageId, RequestId};
use hatchery_model::message::{Address, Body, Command, Envelope};
use hatchery_model::timestamp::Timestamp;
use hatchery_ports::bus::{Bus, Handler, Subscription};
use hatchery_ports::store::Store;
use std::sync::Arc;
use tempfile::TempDir;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use uuid::Uuid;

/// Says what arrives.
struct Arrivals(mpsc::UnboundedSender<MessageId>);

#[async_trait]
impl Handler for Arrivals {
    async fn handle(&self, envelope: Envelope) -> Result<(), String> {
        self.0.send(envelope.id).map_err(|error| error.to_string())
    }
}

struct World {
    database: Arc<Database>,
    outgoing: Outgoing,
    arrivals: mpsc::UnboundedReceiver<MessageId>,
    _subscription: Subscription,
    _relay: JoinSet<()>,
    _folder: TempDir,
}

impl World {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("db").display());
        let database = Arc::new(Database::open(&url).await.unwrap());
        let bus = InProcessBus::new();
        let (at, arrivals) = mpsc::unbounded_channel();
        let host = Address::Host(HostName::from("h"));
        let subscription = bus.subscribe(host, Arc::new(Arrivals(at))).await.unwrap();
        let outgoing = Outgoing::default();
        let relay =
            OutboxRelay { store: database.clone(), bus: Arc::new(bus), outgoing: outgoing.clone() };
        let mut tasks = JoinSet::new();
        tasks.spawn(async move { relay.run().await });
        let mut world = Self {
            database,
            outgoing,
            arrivals,
            _subscription: subscription,
            _relay: tasks,
            _folder: folder,
        };
        // The relay's first look is over when this has arrived.
        world.commit(1).await;
        world.outgoing.wake();
        assert_eq!(world.next().await, 1);
        world
    }

    /// Leaves an order in the outbox, and tells nobody.
    async fn commit(&self, number: u128) -> Order {
        let envelope = Envelope {
            id: MessageId(Uuid::from_u128(number)),
            request: RequestId::from("req-1"),
            to: Address::Host(HostName::from("h")),
            created_at: Timestamp(1),
            body: Body::Command(Command::ReleaseBase { image: ImageId(Uuid::from_u128(number)) }),
        };
        let mut unit = self.database.begin().await.unwrap();
        let place = unit.outbox().insert(&envelope).await.unwrap();
        unit.commit().await.unwrap();
        (place, envelope)
    }

    async fn next(&mut self) -> u128 {
        self.arrivals.recv().await.unwrap().0.as_u128()
    }
}

#[tokio::test]
async fn an_order_that_overtakes_another_on_its_way_to_the_relay_does_not_overtake_it_further() {
    let mut world = World::new().await;
    let second = world.commit(2).await;
    let third = world.commit(3).await;
    world.outgoing.hand_over([third]);
    assert_eq!((world.next().await, world.next().await), (2, 3));
    // The one that comes late has been sent.
    world.outgoing.hand_over([second]);
    let fourth = world.commit(4).await;
    world.outgoing.hand_over([fourth]);
    assert_eq!(world.next().await, 4);
}

#[tokio::test]
async fn an_order_that_nobody_hands_over_is_sent_before_the_next_that_somebody_does() {
    let mut world = World::new().await;
    world.commit(2).await;
    let third = world.commit(3).await;
    world.outgoing.hand_over([third]);
    assert_eq!((world.next().await, world.next().await), (2, 3));
}
