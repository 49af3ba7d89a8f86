//! What happened to a guest.

use super::Intake;
use crate::error::Error;
use crate::workflow::guest_spec::ports_of;
use crate::workflow::setback::{self, Setback};
use crate::workflow::{finish_delete, illegal, timeline};
use hatchery_model::compute::{ActionKind, BuildStep, Server, ServerState};
use hatchery_model::generation::Generation;
use hatchery_model::id::{HostName, RequestId};
use hatchery_model::message::{Event, StepTiming};
use hatchery_model::network::PortStatus;
use hatchery_model::task::Work;
use hatchery_model::timestamp::Timestamp;
use hatchery_ports::entropy::random_uuid;
use hatchery_ports::store::UnitOfWork;

/// What is known of a start.
pub(super) struct Started<'a> {
    pub(super) host: &'a HostName,
    pub(super) request: Option<&'a RequestId>,
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
        let now = self.clock.now();
        let (Event::GuestStarted { server, host, .. }
        | Event::GuestFailed { server, host, .. }
        | Event::GuestStopped { server, host, .. }
        | Event::GuestGone { server, host, .. }) = event
        else {
            return Ok(());
        };
        let mut uow = self.store.begin().await?;
        let found = uow.servers().find(*server).await?;
        let Some(server) = found.filter(|server| server.host.as_ref() == Some(host)) else {
            tracing::info!(server.id = %server, host.id = %host, "news of a guest that is not the server's any more");
            return Ok(());
        };
        match event {
            Event::GuestStarted { generation, steps, bytes_copied, .. } => {
                let news = Started {
                    host,
                    request: Some(request),
                    steps,
                    bytes_copied: Some(*bytes_copied),
                };
                if stale(&server, *generation) || !started(&mut *uow, server, news, now).await? {
                    return Ok(());
                }
            }
            Event::GuestFailed { generation, steps, message, details, .. } => {
                if stale(&server, *generation) || !is_spawning(&server) {
                    return Ok(());
                }
                tracing::warn!(server.id = %server.id, host.id = %host, message, details, "a guest could not be made");
                let setback = Setback {
                    host: host.clone(),
                    steps: steps.clone(),
                    message: message.clone(),
                    details: details.clone(),
                };
                setback::leave_host(&mut *uow, server, request, setback, now).await?;
            }
            Event::GuestStopped { reason, .. } => {
                if server.state != ServerState::Active {
                    return Ok(());
                }
                let own = RequestId(format!("req-{}", random_uuid(&*self.entropy)));
                stopped(&mut *uow, server, own, reason, now).await?;
            }
            Event::GuestGone { generation, steps, .. } => {
                let deleting = matches!(server.state, ServerState::Deleting { .. });
                if !deleting || *generation != server.generation {
                    return Ok(());
                }
                finish_delete(&mut *uow, server, steps, now).await?;
            }
            Event::HostReported(_) => return Ok(()),
        }
        uow.commit().await?;
        self.tasks.wake();
        Ok(())
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

/// The guest runs. Says whether anything had to be written.
pub(super) async fn started(
    uow: &mut dyn UnitOfWork,
    mut server: Server,
    news: Started<'_>,
    now: Timestamp,
) -> Result<bool, Error> {
    let spawning = is_spawning(&server);
    match &server.state {
        ServerState::Building(BuildStep::Spawning) => {}
        // A report was faster than the event, which knows more.
        ServerState::Active | ServerState::Stopped => {
            if server.bytes_copied.is_some() || news.bytes_copied.is_none() {
                return Ok(false);
            }
        }
        ServerState::Building(BuildStep::Scheduling)
        | ServerState::Failed(_)
        | ServerState::Deleting { .. }
        | ServerState::Deleted { .. } => return Ok(false),
    }
    if let Some(mut action) = setback::find_create(uow, &server, news.request).await? {
        timeline::timed(&mut action, news.host, news.steps, now);
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
        set_ports(uow, &server, PortStatus::Active, now).await?;
        let work = Work::BuildServer(server.id);
        uow.tasks().delete_by_work(&work).await?;
    }
    uow.servers().update(&server).await?;
    Ok(true)
}

/// The guest does not run any more, and nobody has asked for that.
pub(super) async fn stopped(
    uow: &mut dyn UnitOfWork,
    mut server: Server,
    request: RequestId,
    reason: &str,
    now: Timestamp,
) -> Result<(), Error> {
    let user = server.user.clone();
    let mut action = timeline::begun(ActionKind::Stop, &server, request, user, now);
    action.message = Some(reason.to_owned());
    uow.actions().insert(&action).await?;
    server.state = server.state.stopped().map_err(illegal)?;
    server.updated_at = now;
    set_ports(uow, &server, PortStatus::Down, now).await?;
    uow.servers().update(&server).await?;
    Ok(())
}

/// Ports carry traffic where their server's guest runs.
pub(super) async fn set_ports(
    uow: &mut dyn UnitOfWork,
    server: &Server,
    status: PortStatus,
    now: Timestamp,
) -> Result<(), Error> {
    if server.nics.is_empty() {
        return Ok(());
    }
    for mut port in ports_of(uow, server).await? {
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
