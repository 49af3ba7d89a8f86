//! The bus between `control` and the agents.
//!
//! Contract. Messages are rows (or journal entries) of their sender before they are sent; the bus moves them at
//! least once, in any order across senders, in order from one sender to one receiver. `send` returns `Ok` only
//! when the message is in hands that will keep it until its handler has returned `Ok`; until then the sender
//! keeps its row and may send again. A handler that fails gets the message again. Dropping a future
//! of `send` may or may not have sent.

use async_trait::async_trait;
use hatchery_model::id::HostName;
use hatchery_model::message::{Address, Answer, Ask, Envelope};
use std::sync::Arc;
use std::time::Duration;

/// Why a message or a question did not get through.
#[derive(Debug, thiserror::Error)]
pub enum BusError {
    /// Nobody receives at that address now: keep the row and send again later.
    #[error("nobody receives at {0:?}")]
    Unavailable(Address),
    /// No answer in time.
    #[error("no answer from host {0} in time")]
    TimedOut(HostName),
    /// The receiver could not take it over: send again later.
    #[error("the receiver could not take the message over: {0}")]
    Refused(String),
}

/// Takes messages over. Called with the same message more than once; must have made it durable, or have done
/// it, before it returns `Ok`.
#[async_trait]
pub trait Handler: Send + Sync {
    /// Takes one message over. The text of an `Err` is for the log.
    async fn handle(&self, envelope: Envelope) -> Result<(), String>;
}

/// Answers questions about a host's live data.
#[async_trait]
pub trait Responder: Send + Sync {
    /// Answers, or says why not.
    async fn answer(&self, ask: Ask) -> Result<Answer, String>;
}

/// See the head of this file.
#[async_trait]
pub trait Bus: Send + Sync {
    /// Sends a message to its address.
    async fn send(&self, envelope: Envelope) -> Result<(), BusError>;

    /// Receives what is sent to an address, one message after the other, until the returned guard is dropped. A
    /// second subscriber at an address takes the place of the first.
    async fn subscribe(
        &self,
        address: Address,
        handler: Arc<dyn Handler>,
    ) -> Result<Subscription, BusError>;

    /// Asks a host.
    async fn ask(&self, host: &HostName, ask: Ask, deadline: Duration) -> Result<Answer, BusError>;

    /// Answers questions to a host until the returned guard is dropped.
    async fn respond(
        &self,
        host: HostName,
        responder: Arc<dyn Responder>,
    ) -> Result<Subscription, BusError>;
}

/// Ends what it stands for when it is dropped.
pub struct Subscription(#[allow(dead_code)] Box<dyn Send + Sync>);

impl Subscription {
    /// Keeps `guard` until the subscription is dropped.
    pub fn new(guard: impl Send + Sync + 'static) -> Self {
        Self(Box::new(guard))
    }
}
