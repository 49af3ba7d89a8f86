//! Nova's words for a server's state, as its sentences have them.

use hatchery_model::compute::{BuildStep, RebootKind, Rest, ServerState};

/// `vm_state`
pub fn vm_state(state: &ServerState) -> &'static str {
    match state {
        ServerState::Building(_) => "building",
        ServerState::Active => "active",
        ServerState::Stopped => "stopped",
        ServerState::Failed(_) => "error",
        ServerState::Stopping { was }
        | ServerState::Starting { was }
        | ServerState::Rebooting { was, .. } => match was {
            Rest::Active => "active",
            Rest::Stopped => "stopped",
            Rest::Failed(_) => "error",
        },
        ServerState::Deleting { was } => vm_state(was),
        ServerState::Deleted { .. } => "deleted",
    }
}

/// `task_state`
pub fn task_state(state: &ServerState) -> Option<&'static str> {
    match state {
        ServerState::Building(BuildStep::Scheduling) => Some("scheduling"),
        ServerState::Building(BuildStep::Spawning) => Some("spawning"),
        ServerState::Stopping { .. } => Some("powering-off"),
        ServerState::Starting { .. } => Some("powering-on"),
        ServerState::Rebooting { kind: RebootKind::Soft, .. } => Some("reboot_started"),
        ServerState::Rebooting { kind: RebootKind::Hard, .. } => Some("reboot_started_hard"),
        ServerState::Deleting { .. } => Some("deleting"),
        ServerState::Active
        | ServerState::Stopped
        | ServerState::Failed(_)
        | ServerState::Deleted { .. } => None,
    }
}
