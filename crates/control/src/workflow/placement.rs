//! Finds a host for a server, and writes down what follows from that: the claim, and the order to the host. In the caller's transaction and on
//! rows read in it, so that what was decided is still true when it is written down.
//!
//! Used by the request itself, which places its servers at once where it can, and by `build_server` for those that it could not. The server's
//! row, its action and its task are theirs to write.

use super::claim;
use super::guest_spec::{self, Plugged};
use super::order;
use super::outgoing::Order;
use super::step::illegal;
use crate::compute::{ComputeSettings, ZoneChoice};
use crate::error::Error;
use crate::scheduler::{PlaceRequest, place};
use hatchery_model::compute::{Claim, Host, HostFacts, NotPlaced, RootDisk, Server};
use hatchery_model::generation::Generation;
use hatchery_model::id::{DiskId, HostName, RequestId};
use hatchery_model::image::Image;
use hatchery_model::message::Command;
use hatchery_model::provision::plan;
use hatchery_model::timestamp::Timestamp;
use hatchery_ports::entropy::Entropy;
use hatchery_ports::store::UnitOfWork;

/// A host that was chosen, with all that follows from it.
pub(crate) struct Choice {
    /// Where the host stands among those that were given.
    host: usize,
    claim: Claim,
    root: RootDisk,
    /// What the timeline says of it.
    pub(crate) details: String,
}

/// Chooses one of the hosts for a server that has none. Pure.
///
/// `NotFound`: the image has no content (any more). Inside: how many hosts were looked at, and what each filter refused.
pub(crate) fn choose(
    (hosts, facts): (&[Host], &HostFacts),
    server: &Server,
    image: &Image,
    excluded: Vec<HostName>,
    settings: &ComputeSettings,
    now: Timestamp,
) -> Result<Result<Choice, NotPlaced>, Error> {
    let unknown = || Error::not_found("Image", image.id);
    let content = image.content().ok_or_else(unknown)?;
    let mut request = PlaceRequest::new(&server.flavor, image).ok_or_else(unknown)?;
    let zone = ZoneChoice::parse(server.wanted_zone.as_deref().unwrap_or_default());
    (request.zone, request.host) = (zone.zone, zone.host);
    request.excluded = excluded;
    Ok(find_host(hosts, facts, &request, settings, now).map(|(host, plan)| Choice {
        details: format!(
            "{} of {} hosts was chosen; its disk: {}, {} of image data to copy.",
            hosts[host].name,
            hosts.len(),
            plan.rung,
            plan.copies
        ),
        host,
        claim: request.claim,
        root: RootDisk {
            disk: DiskId::root_of(server.id),
            image: image.id,
            image_sha512: content.sha512.clone(),
            raw: content.raw.clone(),
            inspector_version: Some(content.inspection.inspector_version),
            size: request.disk,
            plan,
        },
    }))
}

fn find_host(
    hosts: &[Host],
    facts: &HostFacts,
    request: &PlaceRequest,
    settings: &ComputeSettings,
    now: Timestamp,
) -> Result<(usize, hatchery_model::provision::Plan), NotPlaced> {
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
    let plan =
        plan(&request.image, &hosts[at].target, None, request.disk).map_err(|_| unplanned())?;
    Ok((at, plan))
}

/// Takes the claim with the lease of the base, and keeps the hosts and the server as their rows are to be. The image was read in the transaction, so no lease is taken on one that is going. `Conflict`: the hosts are not what they were.
pub(crate) async fn take(
    uow: &mut dyn UnitOfWork,
    hosts: &mut [Host],
    server: &mut Server,
    choice: &Choice,
) -> Result<(), Error> {
    let host = &mut hosts[choice.host];
    let on = claim::of_root(&choice.root);
    claim::take(uow, host, server.id, choice.claim, Some(&on)).await?;
    server.state = server.state.clone().placed().map_err(illegal)?;
    server.host = Some(host.name.clone());
    server.availability_zone = Some(host.availability_zone.clone());
    server.plan = Some(choice.root.plan.clone());
    Ok(())
}

/// Writes the order to the server's host down, with the generation that the server's row has then. `NotFound`: a port or network of it is gone.
pub(crate) async fn order(
    uow: &mut dyn UnitOfWork,
    entropy: &dyn Entropy,
    now: Timestamp,
    (server, generation): (&Server, Generation),
    choice: Choice,
    plugged: &Plugged<'_>,
    request: RequestId,
) -> Result<Order, Error> {
    let Some(host) = &server.host else {
        return Err(Error::not_found("Host of instance", server.id));
    };
    let spec = guest_spec::gather(entropy, server, generation, Some(choice.root), plugged)?;
    let command = Command::BuildGuest(Box::new(spec));
    order::write_down(uow, entropy, now, host, request, command).await
}
