//! OpenStack's four views of a server's state: one table.

use hatchery_model::compute::{BuildStep, RebootKind, Rest, ServerState};

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
        ServerState::Stopping { was } => {
            Status { task_state: Some("powering-off"), ..of_rest(was) }
        }
        ServerState::Starting { was } => {
            // One that is started for its base has been healed does not run yet.
            Status { task_state: Some("powering-on"), power_state: 4, ..of_rest(was) }
        }
        ServerState::Rebooting { kind, was } => rebooting(*kind, was),
        ServerState::Failed(_) => status("ERROR", "error", None, 0),
        ServerState::Deleting { was } => Status { task_state: Some("deleting"), ..of(was) },
        ServerState::Deleted { .. } => status("DELETED", "deleted", None, 0),
    }
}

/// The views of a state at rest.
fn of_rest(rest: &Rest) -> Status {
    of(&ServerState::from(rest.clone()))
}

/// A server in error or stopped shows that while it is rebooted; only an active one has statuses of its own.
fn rebooting(kind: RebootKind, was: &Rest) -> Status {
    let (shown, task_state) = match kind {
        RebootKind::Soft => ("REBOOT", Some("reboot_started")),
        RebootKind::Hard => ("HARD_REBOOT", Some("reboot_started_hard")),
    };
    let at_rest = of_rest(was);
    let status = match was {
        Rest::Active => shown,
        Rest::Stopped | Rest::Failed(_) => at_rest.status,
    };
    Status { status, task_state, ..at_rest }
}

/// Statuses of Nova's that no server of ours has yet.
const FOREIGN: [&str; 13] = [
    "MIGRATING",
    "PASSWORD",
    "PAUSED",
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
        "ACTIVE" => vec!["active", "stopping", "active, starting"],
        "REBOOT" => vec!["rebooting"],
        "HARD_REBOOT" => vec!["rebooting hard"],
        "SHUTOFF" => vec!["stopped", "starting", "stopped, rebooting hard"],
        "ERROR" => vec!["in error", "in error, stopping", "in error, rebooting hard"],
        "DELETED" => vec!["deleted"],
        _ => Vec::new(),
    }
}

/// The states that a `vm_state` filter means.
pub fn states_of_vm_state(vm_state: &str) -> Vec<&'static str> {
    match vm_state {
        "building" => vec!["building"],
        "active" => {
            vec!["active", "stopping", "active, starting", "rebooting", "rebooting hard"]
        }
        "stopped" => states_of("SHUTOFF"),
        "error" => states_of("ERROR"),
        "deleted" => vec!["deleted"],
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::{Status, of, states_of, states_of_vm_state};
    use hatchery_control::compute::{task_state, vm_state};
    use hatchery_model::compute::{BuildStep, Fault, RebootKind, Rest, ServerState};
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
        for state in every() {
            assert!(states_of(of(&state).status).contains(&state.name()), "{state:?}");
            assert!(states_of_vm_state(of(&state).vm_state).contains(&state.name()), "{state:?}");
        }
        assert!(states_of("RESCUE").is_empty());
        // And no state of another status.
        for state in every() {
            let named = every().into_iter().filter(|one| one.name() == state.name());
            for other in named {
                assert_eq!(of(&other).status, of(&state).status, "{}", state.name());
                assert_eq!(of(&other).vm_state, of(&state).vm_state, "{}", state.name());
            }
        }
    }

    /// One of each state that there is, deletions left out.
    fn every() -> Vec<ServerState> {
        let fault = Fault {
            code: 500,
            message: String::new(),
            details: String::new(),
            at: Timestamp(0),
            lost_base: None,
        };
        let failed = || Rest::Failed(fault.clone());
        let hard = RebootKind::Hard;
        vec![
            ServerState::Building(BuildStep::Scheduling),
            ServerState::Building(BuildStep::Spawning),
            ServerState::Active,
            ServerState::Stopped,
            ServerState::Stopping { was: Rest::Active },
            ServerState::Stopping { was: failed() },
            ServerState::Starting { was: Rest::Stopped },
            ServerState::Starting { was: Rest::Active },
            ServerState::Rebooting { kind: RebootKind::Soft, was: Rest::Active },
            ServerState::Rebooting { kind: hard, was: Rest::Active },
            ServerState::Rebooting { kind: hard, was: Rest::Stopped },
            ServerState::Rebooting { kind: hard, was: failed() },
            ServerState::Failed(fault.clone()),
            ServerState::Deleted { at: Timestamp(0) },
        ]
    }

    /// What is shown and what refusals say are the same words.
    #[test]
    fn sentences_have_the_words_that_are_shown() {
        for state in every() {
            assert_eq!(of(&state).vm_state, vm_state(&state), "{state:?}");
            assert_eq!(of(&state).task_state, task_state(&state), "{state:?}");
        }
        let shown = |state| {
            let Status { status, task_state, power_state, .. } = of(&state);
            (status, task_state, power_state)
        };
        let stopping = ServerState::Stopping { was: Rest::Active };
        assert_eq!(shown(stopping), ("ACTIVE", Some("powering-off"), 1));
        let starting = ServerState::Starting { was: Rest::Stopped };
        assert_eq!(shown(starting), ("SHUTOFF", Some("powering-on"), 4));
        let soft = ServerState::Rebooting { kind: RebootKind::Soft, was: Rest::Active };
        assert_eq!(shown(soft), ("REBOOT", Some("reboot_started"), 1));
        let hard = ServerState::Rebooting { kind: RebootKind::Hard, was: Rest::Stopped };
        assert_eq!(shown(hard), ("SHUTOFF", Some("reboot_started_hard"), 4));
    }
}
