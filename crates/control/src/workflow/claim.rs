//! Claims: what a server takes of a host, and with it the lease of the base that its disk lies on. The store keeps the host's sum with each of
//! them.
//!
//! A claim is given back in one of two ways. Where the host has said that nothing of the guest is left, the lease goes with it. Where it has not
//! (it is silent, or has lost the order), the lease stays with the host until it answers the order to take the guest apart.

use crate::error::Error;
use hatchery_model::base::DiskUse;
use hatchery_model::compute::{Claim, Host, RootDisk, Server};
use hatchery_model::generation::Generation;
use hatchery_model::id::{DiskId, ServerId};
use hatchery_model::image::ImageFormat;
use hatchery_model::provision::Plan;
use hatchery_model::timestamp::Timestamp;
use hatchery_ports::store::UnitOfWork;

/// Takes an amount of a host for a server, and keeps the row given as the store's is then. It is the one that the decision was made on: when
/// another has been faster, this is a `Conflict` and the decision has to be made again.
pub(crate) async fn take(
    uow: &mut dyn UnitOfWork,
    host: &mut Host,
    server: ServerId,
    claim: Claim,
    on: Option<&DiskUse>,
) -> Result<(), Error> {
    uow.claims().insert(server, host, claim, on).await?;
    host.claimed = host.claimed.plus(claim);
    host.generation = host.generation.next();
    Ok(())
}

/// Gives back what a server has taken, if it has taken anything: nothing of its guest is left on the host.
pub(crate) async fn give_back(uow: &mut dyn UnitOfWork, server: ServerId) -> Result<(), Error> {
    uow.claims().delete(server).await?;
    Ok(())
}

/// Gives back what a server has taken, if it has taken anything, of a host on which its guest may still have a disk. `generation` is that of the order
/// that nothing is to be left there.
pub(crate) async fn leave(
    uow: &mut dyn UnitOfWork,
    server: ServerId,
    generation: Generation,
    now: Timestamp,
) -> Result<(), Error> {
    uow.claims().leave(server, generation, now).await?;
    Ok(())
}

/// The lease that a root disk needs. `None`: it lies on no base, as in Ceph.
pub(crate) fn of_root(root: &RootDisk) -> Option<DiskUse> {
    let format = Some(base_format(&root.plan)?);
    Some(DiskUse { disk: root.disk.clone(), image: root.image, format })
}

/// The lease that the root disk of a server needs which stands on a host already.
pub(crate) fn of_server(server: &Server) -> Option<DiskUse> {
    if server.plan.as_ref().is_some_and(|plan| base_format(plan).is_none()) {
        return None;
    }
    Some(DiskUse {
        disk: DiskId::root_of(server.id),
        image: server.image?,
        format: server.plan.as_ref().and_then(base_format),
    })
}

/// The format that the overlay of a plan names for its base.
fn base_format(plan: &Plan) -> Option<ImageFormat> {
    plan.overlay().map(|(base_format, _)| base_format)
}
