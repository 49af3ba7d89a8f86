//! What a host's report says of servers that the rows do not say yet: a pure comparison.

use super::guest_event::is_spawning;
use hatchery_model::compute::{GuestPhase, HostReport, Server, ServerState};
use hatchery_model::generation::Generation;
use hatchery_model::id::ServerId;
use hatchery_model::timestamp::Timestamp;

/// Something to be put right.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Repair {
    /// The guest runs, and the row does not say so.
    Started(ServerId),
    /// The guest does not run, and the row says that it does, or waits for it.
    Stopped(ServerId),
    /// The guest should have started, and could not for want of its base.
    BaseLost(ServerId),
    /// The guest could not be made, and the row waits for it.
    Failed(ServerId),
    /// The host has a guest that no server there owns.
    Stray(ServerId, Generation),
    /// The host does not have a guest that it should have. Whether that lasts is for the caller to find out.
    Missing(ServerId),
}

/// Compares a report with the servers that stand on its host (all but deleted ones). Rows that have changed within `grace_seconds` are left alone:
/// the event that explains the difference may be on its way.
pub(super) fn compare(
    report: &HostReport,
    servers: &[Server],
    now: Timestamp,
    grace_seconds: i64,
) -> Vec<Repair> {
    let mut repairs = Vec::new();
    for (id, generation, phase) in &report.guests {
        match servers.iter().find(|server| server.id == *id) {
            None if *phase != GuestPhase::Destroying => {
                repairs.push(Repair::Stray(*id, *generation));
            }
            None => {}
            Some(server) if is_recent(server, now, grace_seconds) => {}
            Some(server) => repairs.extend(compare_guest(server, *generation, phase)),
        }
    }
    for server in servers {
        let reported = report.guests.iter().any(|(id, ..)| *id == server.id);
        if !reported && should_have_guest(server) && !is_recent(server, now, grace_seconds) {
            repairs.push(Repair::Missing(server.id));
        }
    }
    repairs
}

fn is_recent(server: &Server, now: Timestamp, grace_seconds: i64) -> bool {
    server.updated_at.plus_seconds(grace_seconds) > now
}

fn should_have_guest(server: &Server) -> bool {
    match server.state {
        ServerState::Active
        | ServerState::Stopped
        | ServerState::Stopping { .. }
        | ServerState::Starting { .. }
        | ServerState::Rebooting { .. } => true,
        ServerState::Building(_) => is_spawning(server),
        ServerState::Failed(_) | ServerState::Deleting { .. } | ServerState::Deleted { .. } => {
            false
        }
    }
}

fn compare_guest(server: &Server, generation: Generation, phase: &GuestPhase) -> Option<Repair> {
    if generation < server.power_order {
        // The last order is still on its way.
        return None;
    }
    match (&server.state, phase) {
        (ServerState::Building(_), GuestPhase::Running) if is_spawning(server) => {
            Some(Repair::Started(server.id))
        }
        (ServerState::Building(_), GuestPhase::Failed) if is_spawning(server) => {
            Some(Repair::Failed(server.id))
        }
        // Its first start was not heard of, and it has ended since.
        (ServerState::Building(_), GuestPhase::Stopped) if is_spawning(server) => {
            Some(Repair::Started(server.id))
        }
        (ServerState::Starting { .. } | ServerState::Rebooting { .. }, GuestPhase::BaseLost) => {
            Some(Repair::BaseLost(server.id))
        }
        (
            ServerState::Active
            | ServerState::Stopping { .. }
            | ServerState::Starting { .. }
            | ServerState::Rebooting { .. },
            GuestPhase::Stopped | GuestPhase::BaseLost,
        ) => Some(Repair::Stopped(server.id)),
        (
            ServerState::Stopped | ServerState::Starting { .. } | ServerState::Rebooting { .. },
            GuestPhase::Running,
        ) => Some(Repair::Started(server.id)),
        (
            ServerState::Building(_)
            | ServerState::Active
            | ServerState::Stopped
            | ServerState::Stopping { .. }
            | ServerState::Starting { .. }
            | ServerState::Rebooting { .. }
            | ServerState::Failed(_)
            | ServerState::Deleting { .. }
            | ServerState::Deleted { .. },
            GuestPhase::Planned
            | GuestPhase::Running
            | GuestPhase::Stopped
            | GuestPhase::Stopping
            | GuestPhase::Starting
            | GuestPhase::BaseLost
            | GuestPhase::Failed
            | GuestPhase::Destroying,
        ) => None,
    }
}
