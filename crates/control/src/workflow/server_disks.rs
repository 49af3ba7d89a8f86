//! The volumes of a server in the workflows: waited for, given to its guest, let go.
//!
//! A server whose volumes are still being made stands on its host with a claim (`Spawning`), and the order to build its guest is written down by
//! whoever takes the answer that the last of them is there. Its attachments are `reserved` until then, which tells a host's report, which lacks the
//! guest, that nothing was lost.

use super::guest_spec::{Plugged, gather, network_specs};
use super::order;
use super::outgoing::Order;
use super::placement::root_disk;
use super::setback;
use crate::compute::volumes::{ended, guest_volume};
use crate::error::Error;
use crate::volume::send::Writing;
use crate::volume::{bind, placement, waiting};
use hatchery_model::compute::{BuildStep, Fault, Host, Server, ServerState};
use hatchery_model::generation::Generation;
use hatchery_model::id::{HostName, ServerId};
use hatchery_model::message::Command;
use hatchery_model::task::Work;
use hatchery_model::volume::{Attachment, AttachmentState, GuestVolume, Volume, VolumeState};
use hatchery_ports::store::UnitOfWork;

/// A volume with what binds it to its server.
pub(crate) type Bound = (Attachment, Volume);

/// The volumes of a server whose guest is to be built.
pub(crate) async fn of(uow: &mut dyn UnitOfWork, server: &Server) -> Result<Vec<Bound>, Error> {
    let mut bound = Vec::new();
    if !server.with_volumes {
        return Ok(bound);
    }
    for attachment in uow.attachments().list(None, None, Some(server.id)).await? {
        if let Some(volume) = uow.volumes().find(attachment.volume).await? {
            bound.push((attachment, volume));
        }
    }
    Ok(bound)
}

/// The hosts from which all of them can be used. `None`: any.
pub(crate) fn reachable_from(hosts: &[Host], bound: &[Bound]) -> Option<Vec<HostName>> {
    let mut reachable: Option<Vec<HostName>> = None;
    for backend in bound.iter().filter_map(|(_, volume)| volume.backend.as_ref()) {
        let Some(reach) = placement::reach(hosts, backend) else { continue };
        reachable = Some(match reachable {
            None => reach,
            Some(known) => known.into_iter().filter(|host| reach.contains(host)).collect(),
        });
    }
    reachable
}

/// Whether all of them are there.
pub(crate) fn are_ready(bound: &[Bound]) -> bool {
    bound.iter().all(|(_, volume)| {
        volume.source.is_some() && !matches!(volume.state, VolumeState::Creating(_))
    })
}

/// Says that the order to build the guest goes out with this generation, and gives what it says of the volumes.
pub(crate) async fn hand_over(
    uow: &mut dyn UnitOfWork,
    writing: Writing<'_>,
    (server, generation): (&Server, Generation),
    bound: Vec<Bound>,
) -> Result<Vec<GuestVolume>, Error> {
    let mut volumes = Vec::new();
    for (mut attachment, volume) in bound {
        attachment.state = AttachmentState::Attaching;
        attachment.host = server.host.as_ref().map(ToString::to_string);
        attachment.guest.ordered = Some((generation, writing.now));
        bind::update(uow, writing, &mut attachment).await?;
        volumes.push(guest_volume(uow, &attachment, &volume).await?);
    }
    Ok(volumes)
}

/// The guest runs, with all of its volumes; or (`false`) its host was left, and they wait for the next one.
pub(crate) async fn set_plugged(
    uow: &mut dyn UnitOfWork,
    writing: Writing<'_>,
    server: &Server,
    plugged: bool,
) -> Result<(), Error> {
    if !server.with_volumes {
        return Ok(());
    }
    let server = server.id;
    for mut attachment in uow.attachments().list(None, None, Some(server)).await? {
        if attachment.state != AttachmentState::Attaching {
            continue;
        }
        if plugged {
            attachment.state = AttachmentState::Attached;
        } else {
            attachment.state = AttachmentState::Reserved;
            (attachment.host, attachment.guest.ordered) = (None, None);
        }
        bind::update(uow, writing, &mut attachment).await?;
    }
    Ok(())
}

/// Whether the server's guest is not ordered yet because its volumes are being made.
pub(crate) async fn is_waiting(uow: &mut dyn UnitOfWork, server: &Server) -> Result<bool, Error> {
    if !server.with_volumes {
        return Ok(false);
    }
    let attachments = uow.attachments().list(None, None, Some(server.id)).await?;
    Ok(attachments.iter().any(|one| one.state == AttachmentState::Reserved))
}

/// Lets go of all volumes of a server of which no guest is left; those that go with it are deleted, unless something else needs them.
pub(crate) async fn let_go(
    uow: &mut dyn UnitOfWork,
    writing: Writing<'_>,
    server: ServerId,
) -> Result<Vec<Order>, Error> {
    let mut orders = Vec::new();
    for attachment in uow.attachments().list(None, None, Some(server)).await? {
        let others = bind::release(uow, writing, &attachment).await?;
        end_action(uow, writing, &attachment).await?;
        if !attachment.guest.delete_on_termination || !others.is_empty() {
            continue;
        }
        let Some(volume) = uow.volumes().find(attachment.volume).await? else { continue };
        if !waiting::snapshots_of(uow, volume.id).await?.is_empty() {
            tracing::warn!(volume.id = %volume.id, server.id = %server, "a volume stays after its server: it has snapshots");
            continue;
        }
        let going = matches!(volume.state, VolumeState::Deleting(_));
        if !going {
            orders.extend(crate::volume::begin_delete(uow, writing, volume).await?);
        }
    }
    Ok(orders)
}

/// Whoever has asked for a volume, or for it to go, is told what became of that.
async fn end_action(
    uow: &mut dyn UnitOfWork,
    writing: Writing<'_>,
    attachment: &Attachment,
) -> Result<(), Error> {
    // What goes with its server is ordered with the server, and the old one of a swap with the new one.
    if attachment.guest.request.is_none() || attachment.guest.ordered.is_none() {
        return Ok(());
    }
    let failure = match attachment.state {
        AttachmentState::Attaching => Some("The instance was deleted before it had the volume."),
        AttachmentState::Detaching => None,
        AttachmentState::Reserved | AttachmentState::Attached => return Ok(()),
    };
    let host = attachment.host.as_deref().map(HostName::from);
    ended(uow, writing, host, attachment, failure).await
}

/// A volume is there: the servers that have waited for it are built, where it was the last one.
pub(crate) async fn volume_made(
    uow: &mut dyn UnitOfWork,
    writing: Writing<'_>,
    attachments: &[Attachment],
) -> Result<Vec<Order>, Error> {
    let mut orders = Vec::new();
    for id in attachments.iter().filter_map(|attachment| attachment.server) {
        orders.extend(build_if_ready(uow, writing, id).await?);
    }
    Ok(orders)
}

/// Writes the order to build down for a server that stands on a host and has waited for its volumes, if they are all there.
async fn build_if_ready(
    uow: &mut dyn UnitOfWork,
    writing: Writing<'_>,
    id: ServerId,
) -> Result<Option<Order>, Error> {
    let rows = uow.bundles().find_build(id, writing.request).await?;
    let spawning = ServerState::Building(BuildStep::Spawning);
    let Some(mut server) = rows.server.filter(|server| server.state == spawning) else {
        return Ok(None);
    };
    let bound = of(uow, &server).await?;
    if !are_ready(&bound) || !is_waiting(uow, &server).await? {
        return Ok(None);
    }
    let generation = server.generation.next();
    let root = root_disk(&server, rows.image.as_ref())?;
    let volumes = hand_over(uow, writing, (&server, generation), bound).await?;
    let networks = network_specs(uow, writing.entropy, writing.now, &rows.networks).await?;
    let plugged = Plugged { ports: &rows.ports, networks: &networks };
    let spec = gather(writing.entropy, &server, generation, (root, volumes), &plugged)?;
    server.updated_at = writing.now;
    uow.servers().update(&server).await?;
    let command = Command::BuildGuest(Box::new(spec));
    // The request of the create, by which its timeline goes on.
    let action = setback::find_create(uow, &server, None).await?;
    let request = action.map_or_else(|| writing.request.clone(), |action| action.request);
    let writing = Writing { request: &request, ..writing };
    order::to_host(uow, writing, &server, command).await.map(Some)
}

/// A volume could not be made: the servers that have waited for it fail, and have nothing any more.
pub(crate) async fn volume_not_made(
    uow: &mut dyn UnitOfWork,
    writing: Writing<'_>,
    (volume, attachments): (&Volume, &[Attachment]),
    message: &str,
) -> Result<Vec<Order>, Error> {
    let mut orders = Vec::new();
    for id in attachments.iter().filter_map(|attachment| attachment.server) {
        let Some(server) = uow.servers().find(id).await? else { continue };
        if !matches!(server.state, ServerState::Building(_)) {
            continue;
        }
        // No host was told to build it: it waited for this volume.
        super::claim::give_back(uow, id).await?;
        uow.tasks().delete_by_work(&Work::BuildServer(id)).await?;
        let fault = Fault {
            code: 500,
            message: format!(
                "Build of instance {id} aborted: Volume {} did not finish being created, and its status is error: {message}",
                volume.id
            ),
            details: "The volume's own messages have more.".into(),
            at: writing.now,
            lost_base: None,
        };
        let action = setback::find_create(uow, &server, None).await?;
        orders.extend(setback::fail(uow, writing, server, action, fault).await?);
    }
    Ok(orders)
}
