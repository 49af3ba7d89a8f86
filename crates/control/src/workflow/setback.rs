//! A build that did not work: the host is left, or the server fails. Both leave no claim behind.

use super::claim;
use super::outgoing::Order;
use super::server_disks;
use super::step::illegal;
use super::timeline;
use crate::error::Error;
use crate::volume::send::Writing;
use hatchery_model::compute::{Action, ActionKind, EventResult, Fault, Server};
use hatchery_model::generation::Generation;
use hatchery_model::id::{HostName, RequestId, ServerId, TaskId};
use hatchery_model::message::StepTiming;
use hatchery_model::page::Page;
use hatchery_model::task::{Task, Work};
use hatchery_model::timestamp::Timestamp;
use hatchery_ports::entropy::{Entropy, random_uuid};
use hatchery_ports::store::{StoreError, UnitOfWork};

/// What went wrong on a host.
pub(crate) struct Setback {
    pub(crate) host: HostName,
    pub(crate) steps: Vec<StepTiming>,
    pub(crate) message: String,
    pub(crate) details: String,
    /// Whether the host has said that nothing of the guest is left there.
    pub(crate) cleared: bool,
}

/// Gives the claim of a server that was placed back (and keeps the lease of its base unless the host has cleared up), remembers the host as tried, and has another one looked for. Whether there is one is the next step's question: it fails the
/// server with this setback's message where there is none.
pub(crate) async fn leave_host(
    uow: &mut dyn UnitOfWork,
    entropy: &dyn Entropy,
    mut server: Server,
    request: &RequestId,
    setback: Setback,
    now: Timestamp,
) -> Result<(), Error> {
    let writing = Writing { entropy, now, request };
    server_disks::set_plugged(uow, writing, &server, false).await?;
    if setback.cleared {
        claim::give_back(uow, server.id).await?;
    } else {
        claim::leave(uow, server.id, server.generation.next(), now).await?;
    }
    let mut action = match find_create(uow, &server, Some(request)).await? {
        Some(action) => action,
        None => timeline::of_create(&server, request),
    };
    timeline::timed(&mut action, &setback.host, &setback.steps, now);
    if !timeline::failed_hosts(&action).contains(&setback.host) {
        timeline::noted(
            &mut action,
            "compute_spawn",
            EventResult::Error,
            Some(setback.host),
            setback.details,
            now,
        );
    }
    action.message = Some(setback.message);
    timeline::rescheduling(&mut action, now);
    uow.actions().update(&action).await?;
    server.state = server.state.unplaced().map_err(illegal)?;
    server.host = None;
    server.plan = None;
    server.updated_at = now;
    uow.servers().update(&server).await?;
    // The create's own request, so that its timeline goes on.
    look_for_host(uow, entropy, server.id, &action.request, now).await
}

/// Promises that a host will be looked for.
pub(crate) async fn look_for_host(
    uow: &mut dyn UnitOfWork,
    entropy: &dyn Entropy,
    server: ServerId,
    request: &RequestId,
    now: Timestamp,
) -> Result<(), Error> {
    let task = Task {
        id: TaskId(random_uuid(entropy)),
        generation: Generation::FIRST,
        work: Work::BuildServer(server),
        request: request.clone(),
        attempts: 0,
        due_at: now,
        created_at: now,
    };
    match uow.tasks().insert(&task).await {
        Ok(()) => Ok(()),
        // Promised already: then now.
        Err(StoreError::Conflict { .. }) => {
            if let Some(mut task) = uow.tasks().find_by_work(&task.work).await? {
                task.due_at = now;
                uow.tasks().update(&task).await?;
            }
            Ok(())
        }
        Err(error) => Err(error.into()),
    }
}

/// The server is in error, its action says why, and its volumes are let go. Claim and task are the caller's to remove. The orders that can leave
/// now.
pub(crate) async fn fail(
    uow: &mut dyn UnitOfWork,
    writing: Writing<'_>,
    mut server: Server,
    action: Option<Action>,
    fault: Fault,
) -> Result<Vec<Order>, Error> {
    let now = writing.now;
    if let Some(mut action) = action {
        action.message = Some(fault.message.clone());
        action.updated_at = now;
        uow.actions().update(&action).await?;
    }
    server.state = server.state.failed(fault).map_err(illegal)?;
    server.updated_at = now;
    uow.servers().update(&server).await?;
    server_disks::let_go(uow, writing, server.id).await
}

/// The action of the create: by its request where it is known, else the one of that kind.
pub(crate) async fn find_create(
    uow: &mut dyn UnitOfWork,
    server: &Server,
    request: Option<&RequestId>,
) -> Result<Option<Action>, Error> {
    if let Some(request) = request {
        let found = uow.actions().find(server.id, request).await?;
        if found.as_ref().is_some_and(|action| action.kind == ActionKind::Create) {
            return Ok(found);
        }
    }
    find_kind(uow, server, ActionKind::Create).await
}

/// The newest action of a kind.
pub(crate) async fn find_kind(
    uow: &mut dyn UnitOfWork,
    server: &Server,
    kind: ActionKind,
) -> Result<Option<Action>, Error> {
    let actions = uow.actions().list(server.id, &Page::default()).await?;
    Ok(actions.into_iter().find(|action| action.kind == kind))
}
