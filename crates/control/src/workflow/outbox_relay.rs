//! Sends what transactions have left in the outbox, and forgets it when its receiver has taken it over.
//!
//! Who has just committed an order hands it over, and it is not read: but only the one whose place comes right after the last that was seen, so
//! that none is passed by. A row that nobody has handed over is found by reading.
//!
//! Rows of one address leave in their order; addresses do not wait for each other. A crash between sending and forgetting sends again, which
//! receivers are made for.

use super::outgoing::{Order, Outgoing, Woken};
use crate::error::Error;
use hatchery_model::id::MessageId;
use hatchery_model::message::{Address, Envelope};
use hatchery_ports::bus::Bus;
use hatchery_ports::store::Store;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior};

/// Rows read at once.
const BATCH: u32 = 256;
/// Looks at the rows at least so often.
const INTERVAL: Duration = Duration::from_secs(2);
/// Messages sent are forgotten together: so many, or after so long.
const FORGET_COUNT: usize = 128;
const FORGET_AFTER: Duration = Duration::from_millis(200);
/// Between two attempts at one address: at first, and at the most.
const PAUSES: (Duration, Duration) = (Duration::from_millis(20), Duration::from_secs(2));

/// See the head of this file.
pub struct OutboxRelay {
    /// The database.
    pub store: Arc<dyn Store>,
    /// Where messages go.
    pub bus: Arc<dyn Bus>,
    /// Wakes this relay.
    pub outgoing: Outgoing,
}

/// What the relay knows of rows that it has seen and not forgotten yet.
struct Flow {
    queues: HashMap<Address, mpsc::UnboundedSender<Envelope>>,
    senders: JoinSet<()>,
    known: HashSet<MessageId>,
    sent: mpsc::UnboundedSender<MessageId>,
    after: i64,
}

impl OutboxRelay {
    /// Relays for ever. Dropping the future stops every sender; what was not forgotten is sent again by the next relay.
    pub async fn run(&self) {
        let (sent, mut taken_over) = mpsc::unbounded_channel();
        let mut flow = Flow {
            queues: HashMap::new(),
            senders: JoinSet::new(),
            known: HashSet::new(),
            sent,
            after: 0,
        };
        let mut timer = tokio::time::interval(INTERVAL);
        timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut done: Vec<MessageId> = Vec::new();
        let mut forget_at = None;
        loop {
            let wait = async {
                match forget_at {
                    Some(at) => tokio::time::sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                woken = self.outgoing.woken() => match woken {
                    Woken::Orders(orders) => self.take(&mut flow, orders).await,
                    Woken::Rows => self.collect(&mut flow, false).await,
                },
                _ = timer.tick() => self.collect(&mut flow, true).await,
                Some(id) = taken_over.recv() => {
                    done.push(id);
                    forget_at.get_or_insert(Instant::now() + FORGET_AFTER);
                    if done.len() < FORGET_COUNT {
                        continue;
                    }
                    forget_at = self.forget(&mut flow, &mut done).await;
                }
                () = wait => forget_at = self.forget(&mut flow, &mut done).await,
            }
        }
    }

    /// Hands orders to the senders of their addresses as they come, as long as none is missing between them.
    async fn take(&self, flow: &mut Flow, orders: Vec<Order>) {
        for (place, envelope) in orders {
            if place == flow.after + 1 {
                flow.after = place;
                if flow.known.insert(envelope.id) {
                    self.hand_over(flow, envelope);
                }
            } else if place > flow.after {
                self.collect(flow, false).await;
            }
        }
    }

    /// Hands new rows to the senders of their addresses. `all`: looks at rows again that stand before the last one seen, because another
    /// process may have committed them later.
    async fn collect(&self, flow: &mut Flow, all: bool) {
        if let Err(error) = self.try_collect(flow, all).await {
            tracing::error!(error = &error as &dyn std::error::Error, "the outbox cannot be read");
        }
    }

    async fn try_collect(&self, flow: &mut Flow, all: bool) -> Result<(), Error> {
        let mut after = if all { 0 } else { flow.after };
        loop {
            let mut uow = self.store.read().await?;
            let rows = uow.outbox().list(after, BATCH).await?;
            drop(uow);
            let full = rows.len() == BATCH as usize;
            for (place, envelope) in rows {
                after = place;
                if flow.known.insert(envelope.id) {
                    self.hand_over(flow, envelope);
                }
            }
            flow.after = flow.after.max(after);
            if !full {
                return Ok(());
            }
        }
    }

    fn hand_over(&self, flow: &mut Flow, envelope: Envelope) {
        let queue = flow.queues.entry(envelope.to.clone()).or_insert_with(|| {
            let (queue, messages) = mpsc::unbounded_channel();
            let sender = send_in_order(self.bus.clone(), messages, flow.sent.clone());
            flow.senders.spawn(sender);
            queue
        });
        // The sender ends only with the relay.
        let _ = queue.send(envelope);
    }

    /// Forgets what has been sent; says when to try again where that did not work.
    async fn forget(&self, flow: &mut Flow, done: &mut Vec<MessageId>) -> Option<Instant> {
        match self.try_forget(done).await {
            Ok(()) => {
                for id in done.drain(..) {
                    flow.known.remove(&id);
                }
                None
            }
            Err(error) => {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "sent messages cannot be forgotten; they may be sent again"
                );
                Some(Instant::now() + INTERVAL)
            }
        }
    }

    async fn try_forget(&self, done: &[MessageId]) -> Result<(), Error> {
        if done.is_empty() {
            return Ok(());
        }
        let mut uow = self.store.begin().await?;
        uow.outbox().delete(done).await?;
        uow.commit().await?;
        Ok(())
    }
}

/// Sends the messages of one address, each until it has been taken over.
async fn send_in_order(
    bus: Arc<dyn Bus>,
    mut messages: mpsc::UnboundedReceiver<Envelope>,
    sent: mpsc::UnboundedSender<MessageId>,
) {
    while let Some(envelope) = messages.recv().await {
        let mut pause = PAUSES.0;
        while let Err(error) = bus.send(envelope.clone()).await {
            tracing::debug!(message.id = %envelope.id, %error, "not sent; trying again");
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(PAUSES.1);
        }
        if sent.send(envelope.id).is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests;
