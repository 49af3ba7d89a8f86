//! Whether a server's state allows a verb, decided and said as Nova does.

use crate::compute::state_words::{task_state, vm_state};
use crate::error::Error;
use hatchery_model::caller::Caller;
use hatchery_model::compute::Server;

/// Refuses orders of an owner whose server is locked.
pub(in crate::compute) fn is_unlocked(server: &Server, caller: &Caller) -> Result<(), Error> {
    if server.locked && !caller.is_admin() {
        return Err(Error::Conflict(format!("Instance {} is locked", server.id)));
    }
    Ok(())
}

/// Refuses where no host could be told.
pub(in crate::compute) fn has_host(server: &Server) -> Result<(), Error> {
    if server.host.is_some() {
        return Ok(());
    }
    Err(Error::Conflict(format!("Instance {} is not ready", server.id)))
}

/// What is being done to it, in Nova's word: what its state says, else that an image is made of its disk.
fn task_of(server: &Server) -> Option<&'static str> {
    let imaging = || server.imaging.as_ref().map(|imaging| imaging.step.task_state());
    task_state(&server.state).or_else(imaging)
}

/// Refuses unless the server is in one of these `vm_state`s, without a task or with one of these, and has run once.
pub(in crate::compute) fn is_in(
    server: &Server,
    verb: &str,
    vm_states: &[&str],
    tasks: &[&str],
) -> Result<(), Error> {
    let (id, vm_state) = (server.id, vm_state(&server.state));
    let refused = |what: &str, state: &str| {
        Error::Conflict(format!("Cannot '{verb}' instance {id} while it is in {what} {state}"))
    };
    if !vm_states.contains(&vm_state) {
        return Err(refused("vm_state", vm_state));
    }
    if let Some(task) = task_of(server)
        && !tasks.contains(&task)
    {
        return Err(refused("task_state", task));
    }
    if server.launched_at.is_none() {
        return Err(Error::Conflict(format!("Instance {id} is in an invalid state for '{verb}'")));
    }
    Ok(())
}
