//! A server as its caller may see it.

use crate::error::Error;
use crate::policy;
use hatchery_model::caller::Caller;
use hatchery_model::compute::{Server, ServerState};
use hatchery_model::id::ServerId;
use hatchery_ports::store::UnitOfWork;

/// What Nova calls a server in its sentences.
pub(super) const KIND: &str = "Instance";

/// The server, deleted or not. `NotFound` also when it belongs to others.
pub(super) async fn find_any(
    uow: &mut dyn UnitOfWork,
    caller: &Caller,
    id: ServerId,
) -> Result<Server, Error> {
    uow.servers()
        .find(id)
        .await?
        .filter(|server| policy::may_read(caller, &server.project))
        .ok_or_else(|| Error::not_found(KIND, id))
}

/// The server, unless it is deleted. `NotFound` also when it belongs to others.
pub(super) async fn find(
    uow: &mut dyn UnitOfWork,
    caller: &Caller,
    id: ServerId,
) -> Result<Server, Error> {
    let server = find_any(uow, caller, id).await?;
    if matches!(server.state, ServerState::Deleted { .. }) {
        return Err(Error::not_found(KIND, id));
    }
    Ok(server)
}
