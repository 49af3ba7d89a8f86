//! Changes of a server that its guest does not hear of: names, metadata, tags. One noun a file.

mod attributes;
mod metadata;
mod tags;

pub use attributes::ServerChanges;

use super::find_server;
use super::state_words::vm_state;
use crate::error::Error;
use crate::policy;
use crate::workflow::TRIES;
use hatchery_model::caller::Caller;
use hatchery_model::compute::{Server, ServerState};
use hatchery_model::id::ServerId;
use hatchery_ports::clock::Clock;
use hatchery_ports::store::Store;
use std::sync::Arc;

/// `PUT /servers/{id}`, `/servers/{id}/metadata`, `/servers/{id}/tags`
#[derive(Clone)]
pub struct ChangeServer {
    /// The database.
    pub store: Arc<dyn Store>,
    /// Time of day.
    pub clock: Arc<dyn Clock>,
}

impl ChangeServer {
    /// Changes a server by compare-and-set; `change` is called anew when another request was faster. A change that changes nothing is not
    /// written. Needs `member` on the server's project.
    async fn change(
        &self,
        caller: &Caller,
        id: ServerId,
        action: &str,
        change: impl Fn(&mut Server) -> Result<(), Error> + Send + Sync,
    ) -> Result<Server, Error> {
        let mut tries = 0;
        loop {
            tries += 1;
            let mut uow = self.store.begin().await?;
            let old = find_server::find(&mut *uow, caller, id).await?;
            policy::write(caller, &old.project, action)?;
            let mut server = old.clone();
            change(&mut server)?;
            if server == old {
                return Ok(server);
            }
            server.updated_at = self.clock.now();
            let updated = uow.servers().update(&server).await;
            match updated.map_err(Error::from) {
                Err(Error::Conflict(_)) if tries < TRIES => continue,
                written => written?,
            }
            uow.commit().await?;
            return Ok(server);
        }
    }
}

/// Refuses, in Nova's words, while the server is being made or deleted, and when it is in error.
fn is_settled(server: &Server, verb: &str) -> Result<(), Error> {
    let is_deleting = matches!(server.state, ServerState::Deleting { .. });
    let state = match vm_state(&server.state) {
        _ if is_deleting => "task_state deleting".to_owned(),
        "active" | "stopped" => return Ok(()),
        other => format!("vm_state {other}"),
    };
    Err(Error::Conflict(format!("Cannot '{verb}' instance {} while it is in {state}", server.id)))
}

/// Refuses while the server is being deleted: what takes it apart knows its row's generation.
fn is_kept(server: &Server, verb: &str) -> Result<(), Error> {
    match &server.state {
        ServerState::Deleting { .. } | ServerState::Deleted { .. } => is_settled(server, verb),
        ServerState::Building(_)
        | ServerState::Active
        | ServerState::Stopped
        | ServerState::Stopping { .. }
        | ServerState::Starting { .. }
        | ServerState::Rebooting { .. }
        | ServerState::Failed(_) => Ok(()),
    }
}

/// Refuses orders of an owner whose server is locked.
fn is_unlocked(server: &Server, caller: &Caller) -> Result<(), Error> {
    if server.locked && !caller.is_admin() {
        return Err(Error::Conflict(format!("Instance {} is locked", server.id)));
    }
    Ok(())
}
