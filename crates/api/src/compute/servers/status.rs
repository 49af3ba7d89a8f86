//! OpenStack's four views of a server's state: one table.

use hatchery_model::compute::{BuildStep, ServerState};

/// `status`, `vm_state`, `task_state`, `power_state`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Status {
    /// `status`
    pub status: &'static str,
    /// `OS-EXT-STS:vm_state`
    pub vm_state: &'static str,
    /// `OS-EXT-STS:task_state`
    pub task_state: Option<&'static str>,
    /// `OS-EXT-STS:power_state`: 0 none, 1 running, 3 paused, 4 shut down.
    pub power_state: u8,
}

const fn status(
    status: &'static str,
    vm_state: &'static str,
    task_state: Option<&'static str>,
    power_state: u8,
) -> Status {
    Status { status, vm_state, task_state, power_state }
}

/// The views of a state.
pub fn of(state: &ServerState) -> Status {
    match state {
        ServerState::Building(BuildStep::Scheduling) => {
            status("BUILD", "building", Some("scheduling"), 0)
        }
        ServerState::Building(BuildStep::Spawning) => {
            status("BUILD", "building", Some("spawning"), 0)
        }
        ServerState::Active => status("ACTIVE", "active", None, 1),
        ServerState::Stopped => status("SHUTOFF", "stopped", None, 4),
        ServerState::Failed(_) => status("ERROR", "error", None, 0),
        ServerState::Deleting { was } => Status { task_state: Some("deleting"), ..of(was) },
        ServerState::Deleted { .. } => status("DELETED", "deleted", None, 0),
    }
}

/// Statuses of Nova's that no server of ours has yet.
const FOREIGN: [&str; 15] = [
    "HARD_REBOOT",
    "MIGRATING",
    "PASSWORD",
    "PAUSED",
    "REBOOT",
    "REBUILD",
    "RESCUE",
    "RESIZE",
    "REVERT_RESIZE",
    "SHELVED",
    "SHELVED_OFFLOADED",
    "SOFT_DELETED",
    "SUSPENDED",
    "UNKNOWN",
    "VERIFY_RESIZE",
];

/// Whether Nova knows the status.
pub fn is_known(status: &str) -> bool {
    !states_of(status).is_empty() || FOREIGN.contains(&status.to_ascii_uppercase().as_str())
}

/// The states, by [`ServerState::name`], that a `status` filter means. Empty: a status that no server of ours has.
pub fn states_of(status: &str) -> Vec<&'static str> {
    match status.to_ascii_uppercase().as_str() {
        "BUILD" => vec!["building"],
        "ACTIVE" => vec!["active"],
        "SHUTOFF" => vec!["stopped"],
        "ERROR" => vec!["in error"],
        "DELETED" => vec!["deleted"],
        _ => Vec::new(),
    }
}

/// The states that a `vm_state` filter means.
pub fn states_of_vm_state(vm_state: &str) -> Vec<&'static str> {
    match vm_state {
        "building" => vec!["building"],
        "active" => vec!["active"],
        "stopped" => vec!["stopped"],
        "error" => vec!["in error"],
        "deleted" => vec!["deleted"],
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::{of, states_of, states_of_vm_state};
    use hatchery_model::compute::{BuildStep, Fault, ServerState};
    use hatchery_model::timestamp::Timestamp;

    #[test]
    fn a_server_being_deleted_shows_what_it_was() {
        let deleting = ServerState::Deleting { was: Box::new(ServerState::Active) };
        let shown = of(&deleting);
        assert_eq!((shown.status, shown.vm_state), ("ACTIVE", "active"));
        assert_eq!((shown.task_state, shown.power_state), (Some("deleting"), 1));
    }

    #[test]
    fn a_filter_finds_the_states_that_show_its_status() {
        let fault =
            Fault { code: 500, message: String::new(), details: String::new(), at: Timestamp(0) };
        for state in [
            ServerState::Building(BuildStep::Scheduling),
            ServerState::Building(BuildStep::Spawning),
            ServerState::Active,
            ServerState::Stopped,
            ServerState::Failed(fault),
            ServerState::Deleted { at: Timestamp(0) },
        ] {
            assert_eq!(states_of(of(&state).status), [state.name()]);
            assert_eq!(states_of_vm_state(of(&state).vm_state), [state.name()]);
        }
        assert!(states_of("RESCUE").is_empty());
    }
}
