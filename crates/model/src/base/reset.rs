//! Servers whose base was away and is back: until somebody has helped them, they are remembered, with how far that is.

use super::BaseName;
use crate::id::ServerId;
use serde::{Deserialize, Serialize};

/// A server that waited for a base.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ServerReset {
    /// The base that it waited for.
    pub base: BaseName,
    /// The server.
    pub server: ServerId,
    /// How far it has been helped.
    pub step: ResetStep,
}

/// How far a server has been helped.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "snake_case")]
pub enum ResetStep {
    /// Not at all yet.
    Due,
    /// Its state was, or was about to be, set back; then it is to be rebooted.
    Begun {
        /// The newest of the server's actions before that: a reboot which is newer is ours.
        last_action: Option<String>,
    },
    /// There is nothing left to do: it is forgotten.
    Done,
}
