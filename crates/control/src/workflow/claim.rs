//! Claims: what a server takes of a host, on the host's row and in its own, always both in one transaction.

use crate::error::Error;
use hatchery_model::compute::{Claim, Host};
use hatchery_model::id::ServerId;
use hatchery_ports::store::UnitOfWork;

/// Takes an amount of a host for a server. The host's row is the one that the decision was made on: when another has been faster, this
/// is a `Conflict` and the decision has to be made again.
pub(crate) async fn take(
    uow: &mut dyn UnitOfWork,
    host: &mut Host,
    server: ServerId,
    claim: Claim,
) -> Result<(), Error> {
    host.claimed = host.claimed.plus(claim);
    uow.hosts().update(host).await?;
    uow.claims().insert(server, &host.name, claim).await?;
    Ok(())
}

/// Gives back what a server has taken, if it has taken anything.
pub(crate) async fn give_back(uow: &mut dyn UnitOfWork, server: ServerId) -> Result<(), Error> {
    let Some((name, claim)) = uow.claims().delete(server).await? else {
        return Ok(());
    };
    if let Some(mut host) = uow.hosts().find(&name).await? {
        host.claimed = host.claimed.minus(claim);
        uow.hosts().update(&host).await?;
    }
    Ok(())
}
