//! What happened to a guest.

use super::Intake;
use super::power_event::{self, rest};
use crate::error::Error;
use crate::volume::send::Writing;
use crate::workflow::server_disks;
use crate::workflow::setback::{self, Setback};
use crate::workflow::{finish_delete, illegal, timeline};
use hatchery_model::compute::{Action, ActionKind, BuildStep, Server, ServerState, WantedPower};
use hatchery_model::generation::Generation;
use hatchery_model::id::RequestId;
use hatchery_model::message::{Event, StepTiming};
use hatchery_model::network::{Port, PortStatus};
use hatchery_model::timestamp::Timestamp;
use hatchery_ports::entropy::random_uuid;
use hatchery_ports::store::{GuestRows, UnitOfWork};

/// What is known of a start.
pub(super) struct Started<'a> {
    pub(super) steps: &'a [StepTiming],
    /// `None` where only a report tells of it.
    pub(super) bytes_copied: Option<u64>,
}

impl Intake {
    /// Takes an event of one guest. Whatever does not fit the server's row any more is stale, and ignored.
    pub(super) async fn guest_event(
        &self,
        event: &Event,
        request: &RequestId,
    ) -> Result<(), Error> {
        let (Event::GuestStarted { server: id, host, .. }
        | Event::GuestFailed { server: id, host, .. }
        | Event::GuestStopped { server: id, host, .. }
        | Event::GuestPoweredOff { server: id, host, .. }
        | Event::GuestPoweredOn { server: id, host, .. }
        | Event::GuestNotPoweredOn { server: id, host, .. }
        | Event::GuestGone { server: id, host, .. }) = event
        else {
            return Ok(());
        };
        let mut uow = self.store.begin().await?;
        let GuestRows { server, action, ports } = uow.bundles().find_guest(*id, request).await?;
        let changed = match server.filter(|server| server.host.as_ref() == Some(host)) {
            Some(server) => self.change(&mut *uow, event, request, (server, action, ports)).await?,
            None => {
                tracing::info!(server.id = %id, host.id = %host, "news of a guest that is not the server's any more");
                false
            }
        };
        if changed || release_left(&mut *uow, event).await? {
            uow.commit().await?;
            // A server that is gone leaves volumes behind that may have to go too.
            if matches!(event, Event::GuestGone { .. }) {
                self.outgoing.wake();
            }
            // Nothing but a failure leaves work for a task behind.
            if matches!(event, Event::GuestFailed { .. }) {
                self.tasks.wake();
            }
        }
        // Also where nothing had to be written: whoever wrote the failure down may have died before it came here.
        if matches!(event, Event::GuestNotPoweredOn { lost_base: Some(_), .. }) {
            self.revive.late(*id).await?;
        }
        Ok(())
    }

    /// Says whether anything had to be written.
    async fn change(
        &self,
        uow: &mut dyn UnitOfWork,
        event: &Event,
        request: &RequestId,
        (server, action, ports): (Server, Option<Action>, Vec<Port>),
    ) -> Result<bool, Error> {
        let now = self.clock.now();
        let writing = Writing { entropy: &*self.entropy, now, request };
        match event {
            Event::GuestStarted { generation, steps, bytes_copied, .. } => {
                if stale(&server, *generation) {
                    return Ok(false);
                }
                let action = match action.filter(|action| action.kind == ActionKind::Create) {
                    Some(action) => Some(action),
                    None => setback::find_create(uow, &server, None).await?,
                };
                let news = Started { steps, bytes_copied: Some(*bytes_copied) };
                return started(uow, writing, server, action, ports, news).await;
            }
            Event::GuestFailed { host, generation, steps, message, details, .. } => {
                if stale(&server, *generation) || !is_spawning(&server) {
                    return Ok(false);
                }
                tracing::warn!(server.id = %server.id, host.id = %host, message, details, "a guest could not be made");
                let setback = Setback {
                    host: host.clone(),
                    steps: steps.clone(),
                    message: message.clone(),
                    details: details.clone(),
                    cleared: true,
                };
                setback::leave_host(uow, &*self.entropy, server, request, setback, now).await?;
            }
            Event::GuestStopped { reason, generation, .. } => {
                if server.state != ServerState::Active || *generation < server.power_order {
                    return Ok(false);
                }
                let own = RequestId(format!("req-{}", random_uuid(&*self.entropy)));
                stopped(uow, server, ports, own, reason, now).await?;
            }
            Event::GuestPoweredOff { .. }
            | Event::GuestPoweredOn { .. }
            | Event::GuestNotPoweredOn { .. } => {
                let Some(answer) = power_event::answer(event) else {
                    return Ok(false);
                };
                let rows = GuestRows { server: Some(server), action, ports };
                return power_event::answered(uow, rows, answer, now).await;
            }
            Event::GuestGone { generation, steps, .. } => {
                let deleting = matches!(server.state, ServerState::Deleting { .. });
                if !deleting || *generation != server.generation {
                    return Ok(false);
                }
                let action = match action.filter(|action| action.kind == ActionKind::Delete) {
                    Some(action) => Some(action),
                    None => setback::find_kind(uow, &server, ActionKind::Delete).await?,
                };
                finish_delete(uow, writing, server, action, ports, steps).await?;
            }
            Event::GuestVolumeChanged { .. }
            | Event::DiskImaging { .. }
            | Event::VolumeAnswered(_)
            | Event::BasesChanged { .. }
            | Event::HostReported(_) => return Ok(false),
        }
        Ok(true)
    }
}

/// Ends the lease of a disk that a server had left behind on the host, if that is the news. Says whether there was one.
async fn release_left(uow: &mut dyn UnitOfWork, event: &Event) -> Result<bool, Error> {
    match event {
        Event::GuestGone { host, server, generation, .. } => {
            Ok(uow.leases().delete_left(host, *server, *generation).await?)
        }
        Event::GuestStarted { .. }
        | Event::GuestFailed { .. }
        | Event::GuestStopped { .. }
        | Event::GuestPoweredOff { .. }
        | Event::GuestPoweredOn { .. }
        | Event::GuestNotPoweredOn { .. }
        | Event::GuestVolumeChanged { .. }
        | Event::DiskImaging { .. }
        | Event::VolumeAnswered(_)
        | Event::BasesChanged { .. }
        | Event::HostReported(_) => Ok(false),
    }
}

/// Whether news answer an order that was never given to this row. Changes of the row that order nothing raise its generation too, so news may be of
/// an earlier one.
fn stale(server: &Server, generation: Generation) -> bool {
    generation > server.generation
}

pub(super) fn is_spawning(server: &Server) -> bool {
    server.state == ServerState::Building(BuildStep::Spawning)
}

/// The guest runs. Says whether anything had to be written. `action` is the create's, `ports` are the server's.
pub(super) async fn started(
    uow: &mut dyn UnitOfWork,
    writing: Writing<'_>,
    mut server: Server,
    action: Option<Action>,
    ports: Vec<Port>,
    news: Started<'_>,
) -> Result<bool, Error> {
    let now = writing.now;
    let spawning = is_spawning(&server);
    match &server.state {
        ServerState::Building(BuildStep::Spawning) => {}
        // A report was faster than the event, which knows more.
        ServerState::Active
        | ServerState::Stopped
        | ServerState::Stopping { .. }
        | ServerState::Starting { .. }
        | ServerState::Rebooting { .. } => {
            if server.bytes_copied.is_some() || news.bytes_copied.is_none() {
                return Ok(false);
            }
        }
        ServerState::Building(BuildStep::Scheduling)
        | ServerState::Failed(_)
        | ServerState::Deleting { .. }
        | ServerState::Deleted { .. } => return Ok(false),
    }
    if let Some(mut action) = action {
        if let Some(host) = &server.host {
            timeline::timed(&mut action, host, news.steps, now);
        }
        if spawning {
            action.message = None;
        }
        uow.actions().update(&action).await?;
    }
    server.bytes_copied = server.bytes_copied.or(news.bytes_copied);
    server.updated_at = now;
    if spawning {
        server.state = server.state.started().map_err(illegal)?;
        server.launched_at = Some(now);
        server_disks::set_plugged(uow, writing, &server, true).await?;
        set_ports(uow, &server, ports, PortStatus::Active, now).await?;
    }
    uow.servers().update(&server).await?;
    Ok(true)
}

/// The guest does not run any more, and nobody has asked for that. `ports` are the server's.
pub(super) async fn stopped(
    uow: &mut dyn UnitOfWork,
    mut server: Server,
    ports: Vec<Port>,
    request: RequestId,
    reason: &str,
    now: Timestamp,
) -> Result<(), Error> {
    let user = server.user.clone();
    let mut action = timeline::begun(ActionKind::Stop, &server, request, user, now);
    action.message = Some(reason.to_owned());
    uow.actions().insert(&action).await?;
    server.state = server.state.stopped().map_err(illegal)?;
    server.wanted_power = WantedPower::Stopped;
    rest(uow, server, ports, PortStatus::Down, now).await
}

/// Ports carry traffic where their server's guest runs.
pub(super) async fn set_ports(
    uow: &mut dyn UnitOfWork,
    server: &Server,
    ports: Vec<Port>,
    status: PortStatus,
    now: Timestamp,
) -> Result<(), Error> {
    for mut port in ports {
        if port.status == status && port.host == server.host {
            continue;
        }
        port.status = status;
        port.host.clone_from(&server.host);
        port.updated_at = now;
        uow.ports().update(&port).await?;
    }
    Ok(())
}
