//! The bus's contract, and what a bus in one process promises beyond it.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

use async_trait::async_trait;
use hatchery_bus::InProcessBus;
use hatchery_model::id::{HostName, ImageId, MessageId, RequestId};
use hatchery_model::message::{Address, Body, Command, Envelope};
use hatchery_model::timestamp::Timestamp;
use hatchery_ports::bus::{Bus, BusError, Handler};
use hatchery_ports::contract;
use std::sync::{Arc, Mutex};
use tokio::sync::{Notify, Semaphore};
use uuid::Uuid;

fn address() -> Address {
    Address::Host(HostName::from("a-host"))
}

fn envelope(n: u128) -> Envelope {
    Envelope {
        id: MessageId(Uuid::from_u128(n)),
        request: RequestId::from("req-1"),
        to: address(),
        created_at: Timestamp(1),
        body: Body::Command(Command::ReleaseBase { image: ImageId(Uuid::from_u128(n)) }),
    }
}

/// Says when it has been entered, goes on when it may, and remembers what it has taken over.
#[derive(Default)]
struct Gate {
    entered: Notify,
    may_go_on: Option<Semaphore>,
    taken: Mutex<Vec<u128>>,
}

impl Gate {
    fn open() -> Arc<Self> {
        Arc::default()
    }

    fn closed() -> Arc<Self> {
        Arc::new(Self { may_go_on: Some(Semaphore::new(0)), ..Self::default() })
    }

    fn let_go_on(&self, messages: usize) {
        self.may_go_on.as_ref().unwrap().add_permits(messages);
    }

    fn taken(&self) -> Vec<u128> {
        self.taken.lock().unwrap().clone()
    }
}

#[async_trait]
impl Handler for Gate {
    async fn handle(&self, envelope: Envelope) -> Result<(), String> {
        self.entered.notify_one();
        if let Some(gate) = &self.may_go_on {
            gate.acquire().await.unwrap().forget();
        }
        let number = envelope.id.0.as_u128();
        assert_ne!(number, 13, "thirteen");
        self.taken.lock().unwrap().push(number);
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_contract_holds() {
    contract::bus::all(&InProcessBus::new()).await;
}

#[tokio::test]
async fn nobody_there_is_said_at_once() {
    let bus = InProcessBus::new();
    let sent = bus.send(envelope(1)).await;
    assert!(matches!(sent, Err(BusError::Unavailable(to)) if to == address()));
    drop(bus.subscribe(address(), Gate::open()).await.unwrap());
    assert!(bus.send(envelope(1)).await.is_err());
}

#[tokio::test]
async fn a_send_returns_after_its_handler() {
    let bus = InProcessBus::new();
    let gate = Gate::closed();
    let guard = bus.subscribe(address(), gate.clone()).await.unwrap();
    let sender = bus.clone();
    let sent = tokio::spawn(async move { sender.send(envelope(1)).await });
    gate.entered.notified().await;
    assert!(!sent.is_finished());
    assert_eq!(gate.taken(), []);
    gate.let_go_on(1);
    sent.await.unwrap().unwrap();
    assert_eq!(gate.taken(), [1]);
    drop(guard);
}

#[tokio::test]
async fn a_handler_that_panics_refuses_one_message() {
    let bus = InProcessBus::new();
    let gate = Gate::open();
    let guard = bus.subscribe(address(), gate.clone()).await.unwrap();
    let sent = bus.send(envelope(13)).await;
    assert!(matches!(sent, Err(BusError::Refused(_))), "{sent:?}");
    bus.send(envelope(2)).await.unwrap();
    assert_eq!(gate.taken(), [2]);
    drop(guard);
}

#[tokio::test]
async fn sends_begun_in_an_order_arrive_in_it() {
    let bus = InProcessBus::new();
    let gate = Gate::open();
    let guard = bus.subscribe(address(), gate.clone()).await.unwrap();
    let sends = (0..1000).filter(|n| *n != 13).map(|n| bus.send(envelope(n)));
    for sent in futures_util::future::join_all(sends).await {
        sent.unwrap();
    }
    assert!(gate.taken().is_sorted());
    assert_eq!(gate.taken().len(), 999);
    drop(guard);
}

#[tokio::test]
async fn what_waits_goes_to_the_next_subscriber_or_back_to_its_sender() {
    let bus = InProcessBus::new();
    let (first, second) = (Gate::closed(), Gate::closed());
    let one = bus.subscribe(address(), first.clone()).await.unwrap();
    let send = |n| {
        let bus = bus.clone();
        tokio::spawn(async move { bus.send(envelope(n)).await })
    };
    let in_hand = send(1);
    first.entered.notified().await;
    let (waiting, last) = (send(2), send(3));
    // One thread: both stand in the queue when this comes back.
    tokio::task::yield_now().await;
    let two = bus.subscribe(address(), second.clone()).await.unwrap();
    drop(one);
    first.let_go_on(9);
    in_hand.await.unwrap().unwrap();
    second.entered.notified().await;
    drop(two);
    second.let_go_on(9);
    waiting.await.unwrap().unwrap();
    let unheard = last.await.unwrap();
    assert!(matches!(unheard, Err(BusError::Unavailable(_))), "{unheard:?}");
    assert_eq!((first.taken(), second.taken()), (vec![1], vec![2]));
}
