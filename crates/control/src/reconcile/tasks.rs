//! Servers that wait for work, and the tasks that promise it.

use crate::error::Error;
use hatchery_model::compute::{BuildStep, Server, ServerState};
use hatchery_model::generation::Generation;
use hatchery_model::id::{RequestId, ServerId, TaskId};
use hatchery_model::page::Page;
use hatchery_model::task::{Task, Work};
use hatchery_model::timestamp::Timestamp;
use hatchery_ports::entropy::{Entropy, random_uuid};
use hatchery_ports::store::{ServerFilter, Store};

/// Names of the states in which a server waits for a task.
const WAITING: [&str; 2] = ["building", "being deleted"];

/// Writes tasks down that servers wait for and that are not there; says how many.
pub(super) async fn insert_missing(
    store: &dyn Store,
    entropy: &dyn Entropy,
    now: Timestamp,
) -> Result<usize, Error> {
    let mut uow = store.read().await?;
    let filter = ServerFilter { states: WAITING.to_vec(), ..ServerFilter::default() };
    let waiting = uow.servers().list(&filter, &Page::default()).await?;
    let mut orphans = Vec::new();
    for server in &waiting {
        if let Some(work) = awaited(server)
            && uow.tasks().find_by_work(&work).await?.is_none()
        {
            orphans.push(server.id);
        }
    }
    drop(uow);
    let mut inserted = 0;
    for id in orphans {
        inserted += usize::from(insert(store, entropy, now, id).await?);
    }
    Ok(inserted)
}

async fn insert(
    store: &dyn Store,
    entropy: &dyn Entropy,
    now: Timestamp,
    id: ServerId,
) -> Result<bool, Error> {
    let mut uow = store.begin().await?;
    let server = uow.servers().find(id).await?;
    let Some(work) = server.as_ref().and_then(awaited) else {
        return Ok(false);
    };
    if uow.tasks().find_by_work(&work).await?.is_some() {
        return Ok(false);
    }
    tracing::error!(server.id = %id, ?work, "a server waited for work that nobody had written down");
    // The request is that of the newest action, so that its timeline goes on.
    let actions = uow.actions().list(id, &Page::default()).await?;
    let request = actions.first().map_or_else(
        || RequestId(format!("req-{}", random_uuid(entropy))),
        |action| action.request.clone(),
    );
    let task = Task {
        id: TaskId(random_uuid(entropy)),
        generation: Generation::FIRST,
        work,
        request,
        attempts: 0,
        due_at: now,
        created_at: now,
    };
    uow.tasks().insert(&task).await?;
    uow.commit().await?;
    Ok(true)
}

/// The work that a server waits for.
fn awaited(server: &Server) -> Option<Work> {
    match server.state {
        // One that stands on a host waits for the host.
        ServerState::Building(BuildStep::Scheduling) => Some(Work::BuildServer(server.id)),
        ServerState::Deleting { .. } => Some(Work::DeleteServer(server.id)),
        ServerState::Building(BuildStep::Spawning)
        | ServerState::Active
        | ServerState::Stopped
        | ServerState::Stopping { .. }
        | ServerState::Starting { .. }
        | ServerState::Rebooting { .. }
        | ServerState::Failed(_)
        | ServerState::Deleted { .. } => None,
    }
}
