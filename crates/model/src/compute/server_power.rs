//! A server's power: what is wanted of it, and the transitions by which it is stopped, started and brought back.

use super::server_state::{Fault, Illegal, ServerState};
use crate::id::ImageId;
use serde::{Deserialize, Serialize};

/// Where a server stays until something is asked of it: what the passing states come from.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Rest {
    /// [`ServerState::Active`]
    Active,
    /// [`ServerState::Stopped`]
    Stopped,
    /// [`ServerState::Failed`]
    Failed(Fault),
}

/// In which way a server is rebooted.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum RebootKind {
    /// The guest is asked to power off, and given time for it.
    Soft,
    /// The guest is ended at once.
    Hard,
}

/// Whether a server's guest is wanted to run, whatever it does now.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
pub enum WantedPower {
    /// It is to run.
    #[default]
    Running,
    /// It is to be there and not to run.
    Stopped,
}

impl From<Rest> for ServerState {
    fn from(rest: Rest) -> Self {
        match rest {
            Rest::Active => Self::Active,
            Rest::Stopped => Self::Stopped,
            Rest::Failed(fault) => Self::Failed(fault),
        }
    }
}

impl ServerState {
    /// The user wants its guest not to run.
    pub fn stop_asked(self) -> Result<Self, Illegal> {
        match self {
            Self::Active => Ok(Self::Stopping { was: Rest::Active }),
            Self::Failed(fault) => Ok(Self::Stopping { was: Rest::Failed(fault) }),
            Self::Building(_)
            | Self::Stopped
            | Self::Stopping { .. }
            | Self::Starting { .. }
            | Self::Rebooting { .. }
            | Self::Deleting { .. }
            | Self::Deleted { .. } => Err(self.illegal("stop")),
        }
    }

    /// The user wants its guest to run.
    pub fn start_asked(self) -> Result<Self, Illegal> {
        match self {
            Self::Stopped => Ok(Self::Starting { was: Rest::Stopped }),
            Self::Building(_)
            | Self::Active
            | Self::Stopping { .. }
            | Self::Starting { .. }
            | Self::Rebooting { .. }
            | Self::Failed(_)
            | Self::Deleting { .. }
            | Self::Deleted { .. } => Err(self.illegal("start")),
        }
    }

    /// The user wants its guest to stop and to start again. A soft reboot that takes its time may be overtaken by a hard one.
    pub fn reboot_asked(self, kind: RebootKind) -> Result<Self, Illegal> {
        match (self, kind) {
            (Self::Active, kind) => Ok(Self::Rebooting { kind, was: Rest::Active }),
            (Self::Stopped, RebootKind::Hard) => Ok(Self::Rebooting { kind, was: Rest::Stopped }),
            (Self::Failed(fault), RebootKind::Hard) => {
                Ok(Self::Rebooting { kind, was: Rest::Failed(fault) })
            }
            (Self::Rebooting { kind: RebootKind::Soft, was }, RebootKind::Hard) => {
                Ok(Self::Rebooting { kind, was })
            }
            (
                state @ (Self::Building(_)
                | Self::Stopped
                | Self::Stopping { .. }
                | Self::Starting { .. }
                | Self::Rebooting { .. }
                | Self::Failed(_)
                | Self::Deleting { .. }
                | Self::Deleted { .. }),
                RebootKind::Soft | RebootKind::Hard,
            ) => Err(state.illegal("reboot")),
        }
    }

    /// The base is there again whose loss had kept the guest from starting: the server is active again, and is started where its guest is wanted
    /// to run. Every other state has nothing to do with that.
    pub fn healed(self, image: ImageId, wanted: WantedPower) -> Result<Self, Illegal> {
        match self {
            Self::Failed(Fault { lost_base: Some(lost), .. }) if lost == image => {
                Ok(match wanted {
                    WantedPower::Running => Self::Starting { was: Rest::Active },
                    WantedPower::Stopped => Self::Active,
                })
            }
            Self::Building(_)
            | Self::Active
            | Self::Stopped
            | Self::Stopping { .. }
            | Self::Starting { .. }
            | Self::Rebooting { .. }
            | Self::Failed(_)
            | Self::Deleting { .. }
            | Self::Deleted { .. } => Err(self.illegal("bring back")),
        }
    }

    /// An administrator says what it is to be, whatever it is. A deletion that has been promised goes on.
    pub fn reset(self, to: Rest) -> Result<Self, Illegal> {
        match self {
            Self::Building(_)
            | Self::Active
            | Self::Stopped
            | Self::Stopping { .. }
            | Self::Starting { .. }
            | Self::Rebooting { .. }
            | Self::Failed(_) => Ok(to.into()),
            Self::Deleting { .. } | Self::Deleted { .. } => Err(self.illegal("reset")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{RebootKind, Rest, WantedPower};
    use crate::compute::{BuildStep, Fault, ServerState};
    use crate::id::ImageId;
    use crate::timestamp::Timestamp;
    use uuid::Uuid;

    const IMAGE: ImageId = ImageId(Uuid::from_u128(1));

    fn fault(lost_base: Option<ImageId>) -> Fault {
        Fault {
            code: 500,
            message: "m".into(),
            details: String::new(),
            at: Timestamp(1),
            lost_base,
        }
    }

    /// One of each state that there is.
    fn all() -> Vec<ServerState> {
        let mut all = vec![
            ServerState::Building(BuildStep::Scheduling),
            ServerState::Building(BuildStep::Spawning),
            ServerState::Active,
            ServerState::Stopped,
            ServerState::Failed(fault(None)),
            ServerState::Failed(fault(Some(IMAGE))),
            ServerState::Deleting { was: Box::new(ServerState::Active) },
            ServerState::Deleted { at: Timestamp(5) },
        ];
        for was in [Rest::Active, Rest::Stopped, Rest::Failed(fault(None))] {
            all.push(ServerState::Stopping { was: was.clone() });
            all.push(ServerState::Starting { was: was.clone() });
            for kind in [RebootKind::Soft, RebootKind::Hard] {
                all.push(ServerState::Rebooting { kind, was: was.clone() });
            }
        }
        all
    }

    /// Names of the states that a transition takes.
    fn taken<T>(step: impl Fn(ServerState) -> Result<ServerState, T>) -> Vec<&'static str> {
        let mut names: Vec<_> = all()
            .iter()
            .filter(|one| step((*one).clone()).is_ok())
            .map(ServerState::name)
            .collect();
        names.dedup();
        names
    }

    #[test]
    fn what_may_be_asked_is_what_nova_takes() {
        assert_eq!(taken(ServerState::stop_asked), ["active", "in error"]);
        assert_eq!(taken(ServerState::start_asked), ["stopped"]);
        assert_eq!(taken(|state| state.reboot_asked(RebootKind::Soft)), ["active"]);
        assert_eq!(
            taken(|state| state.reboot_asked(RebootKind::Hard)),
            ["active", "stopped", "in error", "rebooting"]
        );
    }

    #[test]
    fn a_stop_and_a_start_come_back_to_rest() {
        let stopping = ServerState::Active.stop_asked().unwrap();
        assert_eq!(stopping, ServerState::Stopping { was: Rest::Active });
        assert!(stopping.clone().started().is_err());
        let stopped = stopping.stopped().unwrap();
        assert_eq!(stopped, ServerState::Stopped);
        let starting = stopped.start_asked().unwrap();
        assert_eq!(starting.started(), Ok(ServerState::Active));
        let rebooting = ServerState::Active.reboot_asked(RebootKind::Hard).unwrap();
        assert_eq!(rebooting.clone().started(), Ok(ServerState::Active));
        assert_eq!(rebooting.failed(fault(None)), Ok(ServerState::Failed(fault(None))));
    }

    #[test]
    fn only_the_healed_base_brings_a_server_back() {
        let lost = || ServerState::Failed(fault(Some(IMAGE)));
        let starting = lost().healed(IMAGE, WantedPower::Running).unwrap();
        assert_eq!(starting, ServerState::Starting { was: Rest::Active });
        assert_eq!(lost().healed(IMAGE, WantedPower::Stopped), Ok(ServerState::Active));
        let other = ImageId(Uuid::from_u128(2));
        assert!(lost().healed(other, WantedPower::Running).is_err());
        // Once is enough: what was brought back is not brought back again.
        assert!(starting.healed(IMAGE, WantedPower::Running).is_err());
        assert_eq!(taken(|state| state.healed(IMAGE, WantedPower::Running)), ["in error"]);
    }

    #[test]
    fn a_reset_takes_everything_but_a_deletion() {
        for state in all() {
            let reset = state.clone().reset(Rest::Active);
            match state {
                ServerState::Deleting { .. } | ServerState::Deleted { .. } => {
                    assert!(reset.is_err())
                }
                _ => assert_eq!(reset, Ok(ServerState::Active)),
            }
        }
    }

    #[test]
    fn a_fault_of_an_older_version_has_lost_no_base() {
        let old = r#"{"Failed":{"code":500,"message":"m","details":"","at":1}}"#;
        let state: ServerState = serde_json::from_str(old).unwrap();
        assert_eq!(state, ServerState::Failed(fault(None)));
    }
}
