//! Claims: what a server takes of a host. The store keeps the host's sum with each of them.

use crate::error::Error;
use hatchery_model::compute::{Claim, Host};
use hatchery_model::id::ServerId;
use hatchery_ports::store::UnitOfWork;

/// Takes an amount of a host for a server, and keeps the row given as the store's is then. It is the one that the decision was made on: when
/// another has been faster, this is a `Conflict` and the decision has to be made again.
pub(crate) async fn take(
    uow: &mut dyn UnitOfWork,
    host: &mut Host,
    server: ServerId,
    claim: Claim,
) -> Result<(), Error> {
    uow.claims().insert(server, host, claim).await?;
    host.claimed = host.claimed.plus(claim);
    host.generation = host.generation.next();
    Ok(())
}

/// Gives back what a server has taken, if it has taken anything.
pub(crate) async fn give_back(uow: &mut dyn UnitOfWork, server: ServerId) -> Result<(), Error> {
    uow.claims().delete(server).await?;
    Ok(())
}
