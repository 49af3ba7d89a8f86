//! What every bus must do, one that keeps messages itself as well as one that does not: run [`all`] on one on which nobody
//! receives yet.

#![allow(clippy::unwrap_used, reason = "a suite is test code: what fails here fails the test")]

use crate::bus::{Bus, BusError, Handler, Responder};
use async_trait::async_trait;
use hatchery_model::compute::PowerState;
use hatchery_model::id::{HostName, ImageId, MessageId, RequestId, ServerId};
use hatchery_model::message::{Address, Answer, Ask, Body, Command, Envelope};
use hatchery_model::timestamp::Timestamp;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::{Semaphore, watch};
use tokio::time::timeout;
use uuid::Uuid;

/// What takes longer than this has failed.
const PATIENCE: Duration = Duration::from_secs(20);

/// Runs every suite.
pub async fn all(bus: &dyn Bus) {
    a_message_reaches_its_handler(bus).await;
    messages_arrive_in_order(bus).await;
    a_failed_message_comes_again(bus).await;
    hosts_do_not_wait_for_each_other(bus).await;
    the_latest_subscriber_receives(bus).await;
    nothing_is_lost_between_two_subscribers(bus).await;
    an_ask_is_answered(bus).await;
    an_ask_ends_at_its_deadline(bus).await;
}

/// Remembers the messages that it took over, after refusing the first few.
struct Recorder {
    refuse: AtomicUsize,
    /// Messages go through one for each permit.
    gate: Semaphore,
    taken: watch::Sender<Vec<MessageId>>,
}

impl Recorder {
    fn new(refuse: usize) -> Arc<Self> {
        Arc::new(Self {
            refuse: AtomicUsize::new(refuse),
            gate: Semaphore::new(Semaphore::MAX_PERMITS),
            taken: watch::Sender::new(Vec::new()),
        })
    }

    fn closed() -> Arc<Self> {
        Arc::new(Self {
            refuse: AtomicUsize::new(0),
            gate: Semaphore::new(0),
            taken: watch::Sender::new(Vec::new()),
        })
    }

    /// Waits until it has taken over what is wanted, repeats left out.
    async fn wait_for(&self, wanted: &[MessageId]) {
        let mut taken = self.taken.subscribe();
        let wait = taken.wait_for(|taken| once_each(taken) == wanted);
        let waited = timeout(PATIENCE, wait).await.is_ok();
        let taken = self.taken.borrow().clone();
        assert!(waited, "wanted {wanted:?}, taken over {taken:?}");
    }

    fn has_taken_nothing(&self) -> bool {
        self.taken.borrow().is_empty()
    }
}

/// Messages in the order of their first arrival: delivery is at least once.
fn once_each(taken: &[MessageId]) -> Vec<MessageId> {
    let mut once = Vec::new();
    for id in taken {
        if !once.contains(id) {
            once.push(*id);
        }
    }
    once
}

#[async_trait]
impl Handler for Recorder {
    async fn handle(&self, envelope: Envelope) -> Result<(), String> {
        self.gate.acquire().await.unwrap().forget();
        let refuse = |left: usize| left.checked_sub(1);
        let order = Ordering::SeqCst;
        if self.refuse.fetch_update(order, order, refuse).is_ok() {
            return Err("not yet".to_owned());
        }
        self.taken.send_modify(|taken| taken.push(envelope.id));
        Ok(())
    }
}

fn fresh() -> Uuid {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    Uuid::from_u128(NEXT.fetch_add(1, Ordering::Relaxed).into())
}

fn fresh_host() -> HostName {
    HostName(format!("host-{}", fresh().as_simple()))
}

fn envelope(to: &Address) -> Envelope {
    Envelope {
        id: MessageId(fresh()),
        request: RequestId::from("req-1"),
        to: to.clone(),
        created_at: Timestamp(1),
        body: Body::Command(Command::ReleaseBase { image: ImageId(fresh()) }),
    }
}

/// Sends as a sender with a row does: again, until it is taken over.
async fn send_until_taken(bus: &dyn Bus, envelope: &Envelope) {
    let sent = timeout(PATIENCE, async {
        while bus.send(envelope.clone()).await.is_err() {
            // Nothing says when a receiver is there again.
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    });
    assert!(sent.await.is_ok(), "nobody takes {envelope:?} over");
}

/// To a host and to the control plane.
pub async fn a_message_reaches_its_handler(bus: &dyn Bus) {
    for address in [Address::Host(fresh_host()), Address::Control] {
        let recorder = Recorder::new(0);
        let subscription = bus.subscribe(address.clone(), recorder.clone()).await;
        let message = envelope(&address);
        send_until_taken(bus, &message).await;
        recorder.wait_for(&[message.id]).await;
        drop(subscription.unwrap());
    }
}

/// From one sender to one receiver.
pub async fn messages_arrive_in_order(bus: &dyn Bus) {
    let address = Address::Host(fresh_host());
    let recorder = Recorder::new(0);
    let subscription = bus.subscribe(address.clone(), recorder.clone()).await;
    let mut sent = Vec::new();
    for _ in 0..100 {
        let message = envelope(&address);
        sent.push(message.id);
        send_until_taken(bus, &message).await;
    }
    recorder.wait_for(&sent).await;
    drop(subscription.unwrap());
}

/// Until its handler has taken it over; the one sent after it comes after it.
pub async fn a_failed_message_comes_again(bus: &dyn Bus) {
    let address = Address::Host(fresh_host());
    let recorder = Recorder::new(3);
    let subscription = bus.subscribe(address.clone(), recorder.clone()).await;
    let (first, second) = (envelope(&address), envelope(&address));
    send_until_taken(bus, &first).await;
    send_until_taken(bus, &second).await;
    recorder.wait_for(&[first.id, second.id]).await;
    drop(subscription.unwrap());
}

/// A handler that hangs holds up its own address only.
pub async fn hosts_do_not_wait_for_each_other(bus: &dyn Bus) {
    let (stuck, free) = (Address::Host(fresh_host()), Address::Host(fresh_host()));
    let (closed, open) = (Recorder::closed(), Recorder::new(0));
    let one = bus.subscribe(stuck.clone(), closed.clone()).await;
    let other = bus.subscribe(free.clone(), open.clone()).await;
    let (waiting, passing) = (envelope(&stuck), envelope(&free));
    let rest = async {
        send_until_taken(bus, &passing).await;
        open.wait_for(&[passing.id]).await;
        assert!(closed.has_taken_nothing());
        closed.gate.add_permits(100);
        closed.wait_for(&[waiting.id]).await;
    };
    futures_util::future::join(send_until_taken(bus, &waiting), rest).await;
    drop((one.unwrap(), other.unwrap()));
}

/// A second subscriber takes the place of the first, and the end of the first does not end it.
pub async fn the_latest_subscriber_receives(bus: &dyn Bus) {
    let address = Address::Host(fresh_host());
    let (first, second) = (Recorder::new(0), Recorder::new(0));
    let one = bus.subscribe(address.clone(), first.clone()).await.unwrap();
    let two = bus.subscribe(address.clone(), second.clone()).await.unwrap();
    let (before, after) = (envelope(&address), envelope(&address));
    send_until_taken(bus, &before).await;
    second.wait_for(&[before.id]).await;
    drop(one);
    send_until_taken(bus, &after).await;
    second.wait_for(&[before.id, after.id]).await;
    assert!(first.has_taken_nothing());
    drop(two);
}

/// Who has let go of a subscription gets nothing more; what is sent meanwhile reaches the next.
pub async fn nothing_is_lost_between_two_subscribers(bus: &dyn Bus) {
    let address = Address::Host(fresh_host());
    let gone = Recorder::new(0);
    drop(bus.subscribe(address.clone(), gone.clone()).await.unwrap());
    let message = envelope(&address);
    // A bus that keeps nothing says that nobody is there; one that keeps messages may take it.
    let unheard = bus.send(message.clone()).await;
    assert!(matches!(unheard, Ok(()) | Err(BusError::Unavailable(_))), "{unheard:?}");
    let next = Recorder::new(0);
    let subscription = bus.subscribe(address.clone(), next.clone()).await;
    send_until_taken(bus, &message).await;
    next.wait_for(&[message.id]).await;
    assert!(gone.has_taken_nothing());
    drop(subscription.unwrap());
}

/// Answers one question, refuses another, and is silent at the third.
struct Oracle {
    asked: Mutex<Vec<Ask>>,
}

#[async_trait]
impl Responder for Oracle {
    async fn answer(&self, ask: Ask) -> Result<Answer, String> {
        self.asked.lock().unwrap().push(ask.clone());
        match ask {
            Ask::PowerState { .. } => Ok(Answer::PowerState(PowerState::Running)),
            Ask::ManageableVolumes { .. } => Ok(Answer::ManageableVolumes(Vec::new())),
            Ask::ManageableSnapshots { .. } => Ok(Answer::ManageableSnapshots(Vec::new())),
            Ask::ConsoleLog { lines: Some(_), .. } => Err("the log cannot be read".to_owned()),
            Ask::ConsoleLog { lines: None, .. } => std::future::pending().await,
        }
    }
}

fn oracle() -> Arc<Oracle> {
    Arc::new(Oracle { asked: Mutex::new(Vec::new()) })
}

/// Or refused, with the responder's reason; and nobody answers for a host that has let go.
pub async fn an_ask_is_answered(bus: &dyn Bus) {
    let (host, server) = (fresh_host(), ServerId(fresh()));
    let power = Ask::PowerState { server };
    let log = Ask::ConsoleLog { server, lines: Some(10) };
    let oracle = oracle();
    let guard = bus.respond(host.clone(), oracle.clone()).await.unwrap();
    let answer = bus.ask(&host, power.clone(), PATIENCE).await.unwrap();
    assert_eq!(answer, Answer::PowerState(PowerState::Running));
    let refused = bus.ask(&host, log.clone(), PATIENCE).await;
    assert!(
        matches!(&refused, Err(BusError::Refused(why)) if why.contains("cannot be read")),
        "{refused:?}"
    );
    assert_eq!(*oracle.asked.lock().unwrap(), [power.clone(), log]);

    drop(guard);
    for nobody in [&host, &fresh_host()] {
        let unheard = bus.ask(nobody, power.clone(), Duration::from_millis(50));
        let unheard = unheard.await;
        assert!(
            matches!(unheard, Err(BusError::Unavailable(_) | BusError::TimedOut(_))),
            "{unheard:?}"
        );
    }
}

/// Whatever its responder does; and others are answered meanwhile.
pub async fn an_ask_ends_at_its_deadline(bus: &dyn Bus) {
    let (host, server) = (fresh_host(), ServerId(fresh()));
    let guard = bus.respond(host.clone(), oracle()).await.unwrap();
    let log = Ask::ConsoleLog { server, lines: None };
    let hanging = bus.ask(&host, log, Duration::from_millis(100));
    let quick = bus.ask(&host, Ask::PowerState { server }, PATIENCE);
    let both = futures_util::future::join(hanging, quick);
    let (hanging, quick) = timeout(PATIENCE, both).await.unwrap();
    assert!(matches!(&hanging, Err(BusError::TimedOut(of)) if *of == host), "{hanging:?}");
    assert_eq!(quick.unwrap(), Answer::PowerState(PowerState::Running));
    drop(guard);
}
