//! A server's life: one enum, and the only functions that move along it.

use super::{RebootKind, Rest};
use crate::id::ImageId;
use crate::timestamp::Timestamp;
use serde::{Deserialize, Serialize};

/// Where a server is in its life. OpenStack's `status`, `vm_state`, `task_state` and `power_state` are
/// views of this.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum ServerState {
    /// Accepted, not running yet.
    Building(BuildStep),
    /// Its guest runs.
    Active,
    /// Its guest is there and does not run (it powered itself off, or its process ended).
    Stopped,
    /// Its guest has been told to stop.
    Stopping {
        /// What it was before.
        was: Rest,
    },
    /// Its guest has been told to start.
    Starting {
        /// What it was before.
        was: Rest,
    },
    /// Its guest has been told to stop and to start again.
    Rebooting {
        /// In which way.
        kind: RebootKind,
        /// What it was before.
        was: Rest,
    },
    /// Something failed; the fault says what.
    Failed(Fault),
    /// Deletion has been accepted.
    Deleting {
        /// What it was before, for what is shown meanwhile.
        was: Box<ServerState>,
    },
    /// Gone; the row stays for those who list deleted servers.
    Deleted {
        /// When nothing was left of it.
        at: Timestamp,
    },
}

/// How far a build has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum BuildStep {
    /// No host yet.
    Scheduling,
    /// A host has been claimed and told.
    Spawning,
}

/// Why a server is in `Failed`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Fault {
    /// HTTP-like code: 500 for what we could not do, 400 for what could never work.
    pub code: u16,
    /// For the user: what happened and what to do.
    pub message: String,
    /// For the administrator: the chain of causes.
    pub details: String,
    /// When.
    pub at: Timestamp,
    /// The image whose base was not there, or not what it was, when the guest should have started: once the base is
    /// healed, the server can be brought back.
    #[serde(default)]
    pub lost_base: Option<ImageId>,
}

/// A transition that the current state does not allow.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("cannot {verb} a server that is {state}")]
pub struct Illegal {
    /// What was asked.
    pub verb: &'static str,
    /// The state's name.
    pub state: &'static str,
}

impl ServerState {
    /// The state's name, for messages and for filters. What it was before is part of the name of a passing state.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Building(_) => "building",
            Self::Active => "active",
            Self::Stopped => "stopped",
            Self::Stopping { was } => match was {
                Rest::Active | Rest::Stopped => "stopping",
                Rest::Failed(_) => "in error, stopping",
            },
            Self::Starting { was } => match was {
                Rest::Stopped | Rest::Failed(_) => "starting",
                Rest::Active => "active, starting",
            },
            Self::Rebooting { kind, was } => match (kind, was) {
                (RebootKind::Soft, Rest::Active | Rest::Stopped | Rest::Failed(_)) => "rebooting",
                (RebootKind::Hard, Rest::Active) => "rebooting hard",
                (RebootKind::Hard, Rest::Stopped) => "stopped, rebooting hard",
                (RebootKind::Hard, Rest::Failed(_)) => "in error, rebooting hard",
            },
            Self::Failed(_) => "in error",
            Self::Deleting { .. } => "being deleted",
            Self::Deleted { .. } => "deleted",
        }
    }

    /// A host has been claimed for it.
    pub fn placed(self) -> Result<Self, Illegal> {
        match self {
            Self::Building(BuildStep::Scheduling) => Ok(Self::Building(BuildStep::Spawning)),
            Self::Building(BuildStep::Spawning)
            | Self::Active
            | Self::Stopped
            | Self::Stopping { .. }
            | Self::Starting { .. }
            | Self::Rebooting { .. }
            | Self::Failed(_)
            | Self::Deleting { .. }
            | Self::Deleted { .. } => Err(self.illegal("place")),
        }
    }

    /// Its host did not make it a guest: another host is looked for.
    pub fn unplaced(self) -> Result<Self, Illegal> {
        match self {
            Self::Building(_) => Ok(Self::Building(BuildStep::Scheduling)),
            Self::Active
            | Self::Stopped
            | Self::Stopping { .. }
            | Self::Starting { .. }
            | Self::Rebooting { .. }
            | Self::Failed(_)
            | Self::Deleting { .. }
            | Self::Deleted { .. } => Err(self.illegal("look for another host for")),
        }
    }

    /// Its guest runs.
    pub fn started(self) -> Result<Self, Illegal> {
        match self {
            Self::Building(BuildStep::Spawning)
            | Self::Stopped
            | Self::Active
            | Self::Starting { .. }
            | Self::Rebooting { .. } => Ok(Self::Active),
            Self::Building(BuildStep::Scheduling)
            | Self::Stopping { .. }
            | Self::Failed(_)
            | Self::Deleting { .. }
            | Self::Deleted { .. } => Err(self.illegal("start")),
        }
    }

    /// Its guest does not run any more.
    pub fn stopped(self) -> Result<Self, Illegal> {
        match self {
            Self::Active
            | Self::Stopped
            | Self::Stopping { .. }
            | Self::Starting { .. }
            | Self::Rebooting { .. } => Ok(Self::Stopped),
            Self::Building(_) | Self::Failed(_) | Self::Deleting { .. } | Self::Deleted { .. } => {
                Err(self.illegal("stop"))
            }
        }
    }

    /// Something failed.
    pub fn failed(self, fault: Fault) -> Result<Self, Illegal> {
        match self {
            Self::Building(_)
            | Self::Active
            | Self::Stopped
            | Self::Stopping { .. }
            | Self::Starting { .. }
            | Self::Rebooting { .. }
            | Self::Failed(_) => Ok(Self::Failed(fault)),
            Self::Deleting { .. } | Self::Deleted { .. } => Err(self.illegal("fail")),
        }
    }

    /// The user does not want it any more. Asking again changes nothing.
    pub fn delete_asked(self) -> Result<Self, Illegal> {
        match self {
            Self::Building(_)
            | Self::Active
            | Self::Stopped
            | Self::Stopping { .. }
            | Self::Starting { .. }
            | Self::Rebooting { .. }
            | Self::Failed(_) => Ok(Self::Deleting { was: Box::new(self) }),
            Self::Deleting { .. } => Ok(self),
            Self::Deleted { .. } => Err(self.illegal("delete")),
        }
    }

    /// Nothing is left of it.
    pub fn deleted(self, now: Timestamp) -> Result<Self, Illegal> {
        match self {
            Self::Deleting { .. } => Ok(Self::Deleted { at: now }),
            Self::Deleted { .. } => Ok(self),
            Self::Building(_)
            | Self::Active
            | Self::Stopped
            | Self::Stopping { .. }
            | Self::Starting { .. }
            | Self::Rebooting { .. }
            | Self::Failed(_) => Err(self.illegal("finish the deletion of")),
        }
    }

    pub(super) const fn illegal(&self, verb: &'static str) -> Illegal {
        Illegal { verb, state: self.name() }
    }
}

#[cfg(test)]
mod tests {
    use super::{BuildStep, Fault, ServerState};
    use crate::timestamp::Timestamp;

    fn fault() -> Fault {
        Fault {
            code: 500,
            message: "m".into(),
            details: String::new(),
            at: Timestamp(1),
            lost_base: None,
        }
    }

    #[test]
    fn a_build_goes_one_way() {
        let placed = ServerState::Building(BuildStep::Scheduling).placed();
        assert_eq!(placed, Ok(ServerState::Building(BuildStep::Spawning)));
        let active = placed.and_then(ServerState::started);
        assert_eq!(active, Ok(ServerState::Active));
        assert!(ServerState::Building(BuildStep::Scheduling).started().is_err());
        assert!(ServerState::Active.placed().is_err());
    }

    #[test]
    fn a_late_event_does_not_bring_a_deleted_server_back() {
        for state in [
            ServerState::Deleting { was: Box::new(ServerState::Active) },
            ServerState::Deleted { at: Timestamp(5) },
        ] {
            assert!(state.clone().started().is_err());
            assert!(state.clone().stopped().is_err());
            assert!(state.failed(fault()).is_err());
        }
    }

    #[test]
    fn deletion_is_idempotent_and_final() {
        let deleting = ServerState::Failed(fault()).delete_asked().unwrap();
        assert_eq!(deleting.clone().delete_asked(), Ok(deleting.clone()));
        let gone = deleting.deleted(Timestamp(9)).unwrap();
        assert_eq!(
            gone.clone().deleted(Timestamp(10)),
            Ok(ServerState::Deleted { at: Timestamp(9) })
        );
        assert!(gone.delete_asked().is_err());
    }
}
