//! What was done to a server, step by step: `os-instance-actions`.

use crate::id::{HostName, ProjectId, RequestId, ServerId, UserId};
use crate::timestamp::Timestamp;
use serde::{Deserialize, Serialize};

/// One request about a server.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Action {
    /// The server.
    pub server: ServerId,
    /// The request: the action's name in the API.
    pub request: RequestId,
    /// What was asked.
    pub kind: ActionKind,
    /// Who asked.
    pub user: UserId,
    /// For which project.
    pub project: ProjectId,
    /// When.
    pub started_at: Timestamp,
    /// When anything last happened on it.
    pub updated_at: Timestamp,
    /// Why it failed, if it did.
    pub message: Option<String>,
    /// Its steps, in order of time.
    pub events: Vec<ActionEvent>,
}

/// What was asked of a server.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum ActionKind {
    /// `create`
    Create,
    /// `delete`
    Delete,
    /// `stop`: also a guest that ended by itself.
    Stop,
    /// `start`: also of a server whose base has been healed.
    Start,
    /// `reboot`
    Reboot,
    /// `resetState`
    ResetState,
    /// `attach_volume`
    AttachVolume,
    /// `detach_volume`
    DetachVolume,
    /// `createImage`
    CreateImage,
    /// `swap_volume`
    SwapVolume,
    /// `extend_volume`
    ExtendVolume,
}

/// One step of an action: the timeline's unit.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ActionEvent {
    /// Name of the step, in Nova's style (`compute_claim`, `compute_disk`, …).
    pub name: String,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended; `None` while it runs.
    pub finished_at: Option<Timestamp>,
    /// How it ended; `None` while it runs.
    pub result: Option<EventResult>,
    /// Where it ran.
    pub host: Option<HostName>,
    /// A sentence for people: what was done, how many bytes (2.84).
    pub details: Option<String>,
}

/// How a step ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum EventResult {
    /// `Success`
    Success,
    /// `Error`
    Error,
}
