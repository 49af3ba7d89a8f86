//! Finds a host for a server, and writes down what follows from that: the claim, and the order to the host. In the caller's transaction and on
//! rows read in it, so that what was decided is still true when it is written down.
//!
//! Used by the request itself, which places its servers at once where it can, and by `build_server` for those that it could not. The server's
//! row, its action and its task are theirs to write.

use super::claim;
use super::guest_spec::{self, Plugged};
use super::order;
use super::outgoing::Order;
use super::server_disks::{self, Bound};
use super::step::illegal;
use crate::compute::{ComputeSettings, ZoneChoice};
use crate::error::Error;
use crate::scheduler::{PlaceRequest, place, root_disk_size};
use crate::volume::send::Writing;
use hatchery_model::compute::{Claim, Host, HostFacts, NotPlaced, RootDisk, Server};
use hatchery_model::generation::Generation;
use hatchery_model::id::{DiskId, HostName};
use hatchery_model::image::Image;
use hatchery_model::message::Command;
use hatchery_model::provision::{Plan, plan};
use hatchery_model::timestamp::Timestamp;
use hatchery_model::units::Bytes;
use hatchery_ports::store::UnitOfWork;

/// A host that was chosen, with all that follows from it.
pub(crate) struct Choice {
    /// Where the host stands among those that were given.
    host: usize,
    claim: Claim,
    /// `None`: the server has volumes alone.
    root: Option<RootDisk>,
    /// What the timeline says of it.
    pub(crate) details: String,
}

/// Chooses one of the hosts for a server that has none. Pure.
///
/// `NotFound`: the image has no content (any more). Inside: how many hosts were looked at, and what each filter refused.
pub(crate) fn choose(
    (hosts, facts): (&[Host], &HostFacts),
    server: &Server,
    image: Option<&Image>,
    (excluded, reachable_from): (Vec<HostName>, Option<Vec<HostName>>),
    settings: &ComputeSettings,
    now: Timestamp,
) -> Result<Result<Choice, NotPlaced>, Error> {
    let mut request = match image {
        None => PlaceRequest::of_volumes(&server.flavor),
        Some(image) => PlaceRequest::new(&server.flavor, image)
            .ok_or_else(|| Error::not_found("Image", image.id))?,
    };
    let zone = ZoneChoice::parse(server.wanted_zone.as_deref().unwrap_or_default());
    (request.zone, request.host) = (zone.zone, zone.host);
    (request.excluded, request.reachable_from) = (excluded, reachable_from);
    let found = match find_host(hosts, facts, &request, settings, now) {
        Ok(found) => found,
        Err(refused) => return Ok(Err(refused)),
    };
    let (host, plan) = found;
    let disk = match &plan {
        Some(plan) => format!("{}, {} of image data to copy", plan.rung, plan.copies),
        None => "volumes alone".to_owned(),
    };
    let root = match (image, plan) {
        (Some(image), Some(plan)) => Some(root_of(server, image, plan, request.disk)?),
        (Some(_) | None, _) => None,
    };
    let name = &hosts[host].name;
    Ok(Ok(Choice {
        details: format!("{name} of {} hosts was chosen; its disk: {disk}.", hosts.len()),
        host,
        claim: request.claim,
        root,
    }))
}

/// The disk of a server that has been placed, as its row has it. `NotFound`: its image has no content (any more). `None`: it has volumes alone.
pub(super) fn root_disk(server: &Server, image: Option<&Image>) -> Result<Option<RootDisk>, Error> {
    let (Some(id), Some(plan)) = (server.image, server.plan.clone()) else {
        return Ok(None);
    };
    let image = image.ok_or_else(|| Error::not_found("Image", id))?;
    let content = image.content().ok_or_else(|| Error::not_found("Image", id))?;
    let size = root_disk_size(&server.flavor, content);
    root_of(server, image, plan, size).map(Some)
}

fn root_of(server: &Server, image: &Image, plan: Plan, size: Bytes) -> Result<RootDisk, Error> {
    let content = image.content().ok_or_else(|| Error::not_found("Image", image.id))?;
    Ok(RootDisk {
        disk: DiskId::root_of(server.id),
        image: image.id,
        image_sha512: content.sha512.clone(),
        raw: content.raw.clone(),
        inspector_version: Some(content.inspection.inspector_version),
        size,
        plan,
    })
}

fn find_host(
    hosts: &[Host],
    facts: &HostFacts,
    request: &PlaceRequest,
    settings: &ComputeSettings,
    now: Timestamp,
) -> Result<(usize, Option<Plan>), NotPlaced> {
    let refused = |filter: &str, count| NotPlaced {
        hosts: hosts.len(),
        refused: vec![(filter.to_owned(), count)],
    };
    if request.excluded.len() >= settings.scheduler.max_attempts as usize {
        return Err(refused("RetryFilter", hosts.len()));
    }
    let name = place(hosts, facts, request, &settings.scheduler, now)?;
    let unplanned = || refused("ProvisionFilter", 1);
    let at = hosts.iter().position(|host| host.name == name).ok_or_else(unplanned)?;
    let Some(image) = &request.image else { return Ok((at, None)) };
    let plan = plan(image, &hosts[at].target, None, request.disk).map_err(|_| unplanned())?;
    Ok((at, Some(plan)))
}

/// Takes the claim with the lease of the base, and keeps the hosts and the server as their rows are to be. The image was read in the transaction, so no lease is taken on one that is going. `Conflict`: the hosts are not what they were.
pub(crate) async fn take(
    uow: &mut dyn UnitOfWork,
    hosts: &mut [Host],
    server: &mut Server,
    choice: &Choice,
) -> Result<(), Error> {
    let host = &mut hosts[choice.host];
    let on = choice.root.as_ref().and_then(claim::of_root);
    claim::take(uow, host, server.id, choice.claim, on.as_ref()).await?;
    server.state = server.state.clone().placed().map_err(illegal)?;
    server.host = Some(host.name.clone());
    server.availability_zone = Some(host.availability_zone.clone());
    server.plan = choice.root.as_ref().map(|root| root.plan.clone());
    Ok(())
}

/// Writes the order to the server's host down, with the generation that the server's row has then, and says so in the server's attachments.
/// `NotFound`: a port or network of it is gone.
pub(crate) async fn order(
    uow: &mut dyn UnitOfWork,
    writing: Writing<'_>,
    (server, generation): (&Server, Generation),
    (choice, bound): (Choice, Vec<Bound>),
    plugged: &Plugged<'_>,
) -> Result<Order, Error> {
    let volumes = server_disks::hand_over(uow, writing, (server, generation), bound).await?;
    let disks = (choice.root, volumes);
    let spec = guest_spec::gather(writing.entropy, server, generation, disks, plugged)?;
    let command = Command::BuildGuest(Box::new(spec));
    order::to_host(uow, writing, server, command).await
}
