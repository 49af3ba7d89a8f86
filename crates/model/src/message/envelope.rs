//! What every message carries besides its body.

use super::{Command, Event};
use crate::id::{HostName, MessageId, RequestId};
use crate::timestamp::Timestamp;
use serde::{Deserialize, Serialize};

/// A message that is delivered at least once. It is a row (or a journal entry) before it is sent, and stays one
/// until its receiver has taken it over.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Envelope {
    /// The same in every delivery.
    pub id: MessageId,
    /// The user's request behind it.
    pub request: RequestId,
    /// Who gets it.
    pub to: Address,
    /// When it was written down.
    pub created_at: Timestamp,
    /// What it says.
    pub body: Body,
}

/// A receiver.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum Address {
    /// The agent of a host.
    Host(HostName),
    /// The control plane, any instance of it.
    Control,
}

/// What a message says.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Body {
    /// An order to an agent.
    Command(Command),
    /// News for the control plane.
    Event(Event),
}
