//! Has a server use a volume.

use super::{ServerVolumeVerbs, guest_volume, next_free};
use crate::compute::find_server;
use crate::compute::power::legality;
use crate::error::Error;
use crate::policy;
use crate::volume::send::Writing;
use crate::volume::{access, bind, placement};
use crate::workflow::order;
use crate::workflow::power::{By, note_action};
use hatchery_model::caller::Caller;
use hatchery_model::compute::{ActionKind, Server};
use hatchery_model::id::{ServerId, VolumeId};
use hatchery_model::message::Command;
use hatchery_model::volume::{Attachment, AttachmentState, GuestUse, Volume};
use hatchery_ports::store::UnitOfWork;

const ACTION: &str = "os_compute_api:os-volumes-attachments:create";
/// What Nova calls it where it refuses it.
const VERB: &str = "attach_volume";

/// A volume for a server.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct VolumeToAttach {
    /// The volume.
    pub volume: VolumeId,
    /// `/dev/vdb`. `None`: the first that is free.
    pub device: Option<String>,
    /// What its user calls it (2.49).
    pub tag: Option<String>,
    /// Whether the volume goes with the server (2.79).
    pub delete_on_termination: bool,
}

impl ServerVolumeVerbs {
    /// Has the server use the volume: the order goes to its host, and the volume is `attaching` until that answers. Works for servers that are
    /// active or stopped. Needs `member` on both projects.
    ///
    /// `NotFound` (server, volume), `Denied`; `Invalid` where the volume's state does not allow it or the host cannot reach it; `Conflict`, in
    /// Nova's words, where the server's state does not, it is locked, or the device is in use.
    pub async fn attach(
        &self,
        caller: &Caller,
        id: ServerId,
        new: VolumeToAttach,
    ) -> Result<Attachment, Error> {
        let mut uow = self.store.begin().await?;
        let mut server = find_server::find(&mut *uow, caller, id).await?;
        policy::write(caller, &server.project, ACTION)?;
        legality::is_unlocked(&server, caller)?;
        let mut volume =
            access::changeable(&mut *uow, caller, new.volume, "volume:attachment_create").await?;
        legality::is_in(&server, VERB, &["active", "stopped"], &[])?;
        legality::has_host(&server)?;
        let writing =
            Writing { entropy: &*self.entropy, now: self.clock.now(), request: &caller.request };
        let device = check(&mut *uow, &server, &volume, new.device.as_deref()).await?;
        let mut attachment =
            bind::reserve(&mut *uow, writing, &mut volume, Some(id), false).await?;
        attachment.state = AttachmentState::Attaching;
        attachment.host = server.host.as_ref().map(ToString::to_string);
        attachment.mountpoint = Some(device);
        let generation = server.generation.next();
        attachment.guest = GuestUse {
            delete_on_termination: new.delete_on_termination,
            boot_index: None,
            tag: new.tag,
            ordered: Some((generation, writing.now)),
            request: Some(caller.request.clone()),
            replaces: None,
        };
        bind::update(&mut *uow, writing, &mut attachment).await?;
        server.updated_at = writing.now;
        uow.servers().update(&server).await?;
        let by = By::caller(caller, ActionKind::AttachVolume);
        note_action(&mut *uow, &server, &by, writing.now).await?;
        let plugged = Box::new(guest_volume(&mut *uow, &attachment, &volume).await?);
        let command = Command::AttachVolume { server: id, generation, volume: plugged };
        let order = order::to_host(&mut *uow, writing, &server, command).await?;
        uow.commit().await?;
        self.outgoing.hand_over([order]);
        Ok(attachment)
    }
}

/// The device, if the server may have the volume.
async fn check(
    uow: &mut dyn UnitOfWork,
    server: &Server,
    volume: &Volume,
    device: Option<&str>,
) -> Result<String, Error> {
    let own = uow.attachments().list(None, None, Some(server.id)).await?;
    if own.iter().any(|one| one.volume == volume.id) {
        return Err(Error::Invalid(format!(
            "Invalid volume: volume {} already attached",
            volume.id
        )));
    }
    let hosts = uow.hosts().list().await?;
    if let (Some(backend), Some(host)) = (&volume.backend, &server.host)
        && !placement::reaches(&hosts, backend, host)
    {
        return Err(Error::Invalid(format!(
            "Invalid volume: volume {} lies in {backend}, which host {host} of instance {} cannot use.",
            volume.id, server.id
        )));
    }
    next_free(&own, device)
}
