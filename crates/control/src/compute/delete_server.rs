//! Takes the request to delete a server: written down in one transaction, answered. What follows is `workflow::tear_down_server`'s.

use super::{find_server, imaging};
use crate::error::Error;
use crate::policy;
use crate::volume::send::Writing;
use crate::workflow::{TRIES, Wake, illegal, timeline};
use hatchery_model::caller::Caller;
use hatchery_model::compute::{ActionKind, ServerState};
use hatchery_model::generation::Generation;
use hatchery_model::id::{ServerId, TaskId};
use hatchery_model::task::{Task, Work};
use hatchery_ports::clock::Clock;
use hatchery_ports::entropy::{Entropy, random_uuid};
use hatchery_ports::store::Store;
use std::sync::Arc;

const ACTION: &str = "os_compute_api:servers:delete";

/// `DELETE /servers/{id}`.
pub struct DeleteServer {
    /// The database.
    pub store: Arc<dyn Store>,
    /// Time of day.
    pub clock: Arc<dyn Clock>,
    /// Ids.
    pub entropy: Arc<dyn Entropy>,
    /// Wakes the task runner.
    pub wake: Wake,
}

impl DeleteServer {
    /// Accepts the deletion, whatever the server is doing; asking again changes nothing. Needs `member` on its project.
    ///
    /// `NotFound`, `Denied`; `Conflict` when the server is locked and the caller is no administrator.
    pub async fn run(&self, caller: &Caller, id: ServerId) -> Result<(), Error> {
        let mut tries = 0;
        loop {
            tries += 1;
            match self.attempt(caller, id).await {
                // A server that is locked stays so: the next attempt says the same.
                Err(Error::Conflict(_)) if tries < TRIES => {}
                ended => break ended?,
            }
        }
        self.wake.wake();
        Ok(())
    }

    async fn attempt(&self, caller: &Caller, id: ServerId) -> Result<(), Error> {
        let now = self.clock.now();
        let mut uow = self.store.begin().await?;
        let mut server = find_server::find(&mut *uow, caller, id).await?;
        policy::write(caller, &server.project, ACTION)?;
        if server.locked && !caller.is_admin() {
            return Err(Error::Conflict(format!("Instance {id} is locked")));
        }
        if matches!(server.state, ServerState::Deleting { .. }) {
            return Ok(());
        }
        server.state = server.state.delete_asked().map_err(illegal)?;
        let writing = Writing { entropy: &*self.entropy, now, request: &caller.request };
        imaging::abandon(&mut *uow, writing, &mut server).await?;
        server.updated_at = now;
        uow.servers().update(&server).await?;
        // One request may have made the server and delete it: then its action is the create's, and stays so.
        let request = caller.request.clone();
        let known = uow.actions().find(id, &request).await?;
        if known.is_none() {
            let action = timeline::begun(
                ActionKind::Delete,
                &server,
                request.clone(),
                caller.user.clone(),
                now,
            );
            uow.actions().insert(&action).await?;
        }
        uow.tasks().delete_by_work(&Work::BuildServer(id)).await?;
        let task = Task {
            id: TaskId(random_uuid(&*self.entropy)),
            generation: Generation::FIRST,
            work: Work::DeleteServer(id),
            request,
            attempts: 0,
            due_at: now,
            created_at: now,
        };
        uow.tasks().insert(&task).await?;
        uow.commit().await?;
        Ok(())
    }
}
