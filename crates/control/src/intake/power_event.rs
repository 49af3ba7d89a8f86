//! What an ordered guest's power has come to. Only the answer to the last order counts.

use super::guest_event::set_ports;
use crate::error::Error;
use crate::workflow::{illegal, timeline};
use hatchery_model::compute::{
    Action, ActionKind, Fault, Illegal, Rest, Server, ServerState, WantedPower,
};
use hatchery_model::generation::Generation;
use hatchery_model::id::ImageId;
use hatchery_model::message::{Event, StepTiming};
use hatchery_model::network::{Port, PortStatus};
use hatchery_model::timestamp::Timestamp;
use hatchery_ports::store::{GuestRows, UnitOfWork};

/// What a host says of an order.
pub(super) struct Answer<'a> {
    generation: Generation,
    steps: &'a [StepTiming],
    power: Power<'a>,
}

/// What the guest does now.
enum Power<'a> {
    /// It does not run.
    Off,
    /// It runs.
    On,
    /// It should run, and does not.
    NotOn { message: &'a str, details: &'a str, lost_base: Option<ImageId> },
}

/// What an event says of an order. `None`: it is no answer to one.
pub(super) fn answer(event: &Event) -> Option<Answer<'_>> {
    let (generation, steps, power) = match event {
        Event::GuestPoweredOff { generation, steps, .. } => (generation, steps, Power::Off),
        Event::GuestPoweredOn { generation, steps, .. } => (generation, steps, Power::On),
        Event::GuestNotPoweredOn { generation, steps, message, details, lost_base, .. } => {
            tracing::warn!(message, details, "a guest could not be started");
            (generation, steps, Power::NotOn { message, details, lost_base: *lost_base })
        }
        Event::GuestStarted { .. }
        | Event::GuestFailed { .. }
        | Event::GuestStopped { .. }
        | Event::GuestGone { .. }
        | Event::GuestVolumeChanged { .. }
        | Event::DiskImaging { .. }
        | Event::VolumeAnswered(_)
        | Event::BasesChanged { .. }
        | Event::HostReported(_) => return None,
    };
    Some(Answer { generation: *generation, steps, power })
}

/// Takes an answer. Says whether anything had to be written.
pub(super) async fn answered(
    uow: &mut dyn UnitOfWork,
    rows: GuestRows,
    answer: Answer<'_>,
    now: Timestamp,
) -> Result<bool, Error> {
    let GuestRows { server, action, ports } = rows;
    let Some(mut server) = server.filter(|server| server.power_order == answer.generation) else {
        return Ok(false);
    };
    let action = action.filter(|action| match action.kind {
        ActionKind::Stop | ActionKind::Start | ActionKind::Reboot => true,
        ActionKind::Create
        | ActionKind::Delete
        | ActionKind::ResetState
        | ActionKind::AttachVolume
        | ActionKind::DetachVolume
        | ActionKind::CreateImage
        | ActionKind::SwapVolume
        | ActionKind::ExtendVolume => false,
    });
    let Some(state) = after(&server, &answer.power, now)? else {
        return Ok(false);
    };
    let moved = state != server.state;
    let told = tell(uow, &server, action, &answer, now).await?;
    if moved {
        if matches!((&server.state, &state), (ServerState::Starting { .. }, ServerState::Stopped)) {
            // As in Nova: the start has failed, and it is for the user to ask again.
            server.wanted_power = WantedPower::Stopped;
        }
        server.state = state;
        let status = match answer.power {
            Power::On => PortStatus::Active,
            Power::Off | Power::NotOn { .. } => PortStatus::Down,
        };
        rest(uow, server, ports, status, now).await?;
    }
    Ok(moved || told)
}

/// What the server is after the answer; `None`: the answer comes too late to mean anything.
fn after(server: &Server, power: &Power<'_>, now: Timestamp) -> Result<Option<ServerState>, Error> {
    let state = server.state.clone();
    let next = match (&server.state, power) {
        // An administrator may have said meanwhile that it is active.
        (ServerState::Stopping { .. } | ServerState::Active | ServerState::Stopped, Power::Off) => {
            state.stopped()
        }
        (
            ServerState::Starting { .. } | ServerState::Rebooting { .. } | ServerState::Active,
            Power::On,
        ) => state.started(),
        (
            ServerState::Starting { .. } | ServerState::Rebooting { .. },
            Power::NotOn { message, details, lost_base },
        ) => {
            let fault = Fault {
                code: 500,
                message: (*message).to_owned(),
                details: (*details).to_owned(),
                at: now,
                lost_base: *lost_base,
            };
            not_started(state, fault)
        }
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
            Power::Off | Power::On | Power::NotOn { .. },
        ) => return Ok(None),
    };
    next.map(Some).map_err(illegal)
}

/// A start that fails leaves a server as it was, as in Nova, and a reboot leaves it in error. So does a lost base: that is for others to heal.
pub(super) fn not_started(state: ServerState, fault: Fault) -> Result<ServerState, Illegal> {
    match &state {
        ServerState::Starting { was: Rest::Stopped } if fault.lost_base.is_none() => {
            state.stopped()
        }
        ServerState::Building(_)
        | ServerState::Active
        | ServerState::Stopped
        | ServerState::Stopping { .. }
        | ServerState::Starting { .. }
        | ServerState::Rebooting { .. }
        | ServerState::Failed(_)
        | ServerState::Deleting { .. }
        | ServerState::Deleted { .. } => state.failed(fault),
    }
}

/// Writes the steps into the action, if they are not there yet. Says whether they were not.
async fn tell(
    uow: &mut dyn UnitOfWork,
    server: &Server,
    action: Option<Action>,
    answer: &Answer<'_>,
    now: Timestamp,
) -> Result<bool, Error> {
    let (Some(mut action), Some(host)) = (action, &server.host) else {
        return Ok(false);
    };
    let (events, message) = (action.events.len(), action.message.clone());
    timeline::timed(&mut action, host, answer.steps, now);
    if let Power::NotOn { message, .. } = answer.power {
        action.message = Some(message.to_owned());
    }
    let is_new = events != action.events.len() || message != action.message;
    if is_new {
        uow.actions().update(&action).await?;
    }
    Ok(is_new)
}

/// Writes down a server whose state has changed, and its ports with it.
pub(super) async fn rest(
    uow: &mut dyn UnitOfWork,
    mut server: Server,
    ports: Vec<Port>,
    status: PortStatus,
    now: Timestamp,
) -> Result<(), Error> {
    server.updated_at = now;
    set_ports(uow, &server, ports, status, now).await?;
    uow.servers().update(&server).await?;
    Ok(())
}
