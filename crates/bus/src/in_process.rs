//! The bus of a deployment that is one process.
//!
//! Each address has a mailbox: a queue, and a task that hands its messages to whoever receives there, one after the
//! other. Addresses never wait for each other. Nothing is kept: a message whose handler has not returned `Ok` is its
//! sender's still, and `send` says so. A handler must not wait for a `send` of its own to an address whose handler may be waiting
//! for this one.

use async_trait::async_trait;
use hatchery_model::id::HostName;
use hatchery_model::message::{Address, Answer, Ask, Envelope};
use hatchery_ports::bus::{Bus, BusError, Handler, Responder, Subscription};
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot};

/// Messages that may wait at one address; further ones are refused.
const QUEUE: usize = 65_536;

/// Messages by queues in memory. Clones are the same bus.
#[derive(Clone, Default)]
pub struct InProcessBus {
    mailboxes: Arc<Mutex<HashMap<Address, mpsc::Sender<Delivery>>>>,
    handlers: Places<Address, dyn Handler>,
    responders: Places<HostName, dyn Responder>,
}

struct Delivery {
    envelope: Envelope,
    done: oneshot::Sender<Result<(), BusError>>,
}

impl InProcessBus {
    /// A bus on which nobody receives yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The queue of an address; its task begins with it. Must be called in a runtime.
    fn mailbox(&self, address: &Address) -> mpsc::Sender<Delivery> {
        let mut mailboxes = lock(&self.mailboxes);
        if let Some(mailbox) = mailboxes.get(address) {
            return mailbox.clone();
        }
        let (mailbox, queue) = mpsc::channel(QUEUE);
        tokio::spawn(deliver(queue, address.clone(), self.handlers.clone()));
        mailboxes.insert(address.clone(), mailbox.clone());
        mailbox
    }
}

/// Hands the messages of one address over, until the bus is gone.
async fn deliver(
    mut queue: mpsc::Receiver<Delivery>,
    address: Address,
    handlers: Places<Address, dyn Handler>,
) {
    while let Some(Delivery { envelope, done }) = queue.recv().await {
        if done.is_closed() {
            // Its sender has given up waiting, still has it, and may have sent it again.
            continue;
        }
        let result = match handlers.find(&address) {
            None => Err(BusError::Unavailable(address.clone())),
            Some(handler) => hand_over(handler, envelope).await,
        };
        // The sender may have gone meanwhile; it will send again.
        let _ = done.send(result);
    }
}

/// In a task of its own, so that a handler that panics fails its message and not the mailbox.
async fn hand_over(handler: Arc<dyn Handler>, envelope: Envelope) -> Result<(), BusError> {
    let handled = tokio::spawn(async move { handler.handle(envelope).await });
    match handled.await {
        Ok(handled) => handled.map_err(BusError::Refused),
        Err(error) => Err(BusError::Refused(format!("its handler broke off: {error}"))),
    }
}

#[async_trait]
impl Bus for InProcessBus {
    async fn send(&self, envelope: Envelope) -> Result<(), BusError> {
        let address = envelope.to.clone();
        if self.handlers.find(&address).is_none() {
            return Err(BusError::Unavailable(address));
        }
        let (done, result) = oneshot::channel();
        let delivery = Delivery { envelope, done };
        // Takes its place in the order now: waiting for room could let later ones pass.
        self.mailbox(&address).try_send(delivery).map_err(|error| match error {
            TrySendError::Full(_) => BusError::Refused(format!("{QUEUE} messages wait there")),
            TrySendError::Closed(_) => BusError::Unavailable(address.clone()),
        })?;
        result.await.unwrap_or(Err(BusError::Unavailable(address)))
    }

    async fn subscribe(
        &self,
        address: Address,
        handler: Arc<dyn Handler>,
    ) -> Result<Subscription, BusError> {
        Ok(self.handlers.take(address, handler))
    }

    async fn ask(&self, host: &HostName, ask: Ask, deadline: Duration) -> Result<Answer, BusError> {
        let Some(responder) = self.responders.find(host) else {
            return Err(BusError::Unavailable(Address::Host(host.clone())));
        };
        match tokio::time::timeout(deadline, responder.answer(ask)).await {
            Ok(answer) => answer.map_err(BusError::Refused),
            Err(_) => Err(BusError::TimedOut(host.clone())),
        }
    }

    async fn respond(
        &self,
        host: HostName,
        responder: Arc<dyn Responder>,
    ) -> Result<Subscription, BusError> {
        Ok(self.responders.take(host, responder))
    }
}

/// Each with the number of its taking, by which a guard knows its own.
type Taken<K, V> = HashMap<K, (u64, Arc<V>)>;

/// Who stands where. The latest at a place is the one.
struct Places<K, V: ?Sized> {
    taken: Arc<Mutex<Taken<K, V>>>,
    next: Arc<AtomicU64>,
}

impl<K, V> Places<K, V>
where
    K: Clone + Eq + Hash + Send + Sync + 'static,
    V: Send + Sync + ?Sized + 'static,
{
    fn find(&self, place: &K) -> Option<Arc<V>> {
        let taken = lock(&self.taken);
        taken.get(place).map(|(_, who)| Arc::clone(who))
    }

    /// Takes a place until the guard is dropped, or another takes it.
    fn take(&self, place: K, who: Arc<V>) -> Subscription {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let before = lock(&self.taken).insert(place.clone(), (id, who));
        // Dropped here, not under the lock: what it owns may use the bus.
        drop(before);
        Subscription::new(Guard { places: self.clone(), place, id })
    }
}

impl<K, V: ?Sized> Clone for Places<K, V> {
    fn clone(&self) -> Self {
        Self { taken: Arc::clone(&self.taken), next: Arc::clone(&self.next) }
    }
}

impl<K, V: ?Sized> Default for Places<K, V> {
    fn default() -> Self {
        Self { taken: Arc::default(), next: Arc::default() }
    }
}

struct Guard<K: Eq + Hash, V: ?Sized> {
    places: Places<K, V>,
    place: K,
    id: u64,
}

impl<K: Eq + Hash, V: ?Sized> Drop for Guard<K, V> {
    fn drop(&mut self) {
        let mut taken = lock(&self.places.taken);
        let ours = taken.get(&self.place).is_some_and(|(id, _)| *id == self.id);
        let removed = ours.then(|| taken.remove(&self.place));
        drop(taken);
        drop(removed);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing under these locks can leave a map half changed.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
