//! What Nova did before attachments were things of their own, the second half: a volume is said to be plugged, or taken out. No guest hears of it.

use super::access;
use super::bind;
use super::send::Writing;
use super::verbs::VolumeVerbs;
use crate::error::Error;
use crate::policy;
use hatchery_model::caller::Caller;
use hatchery_model::compute::ServerState;
use hatchery_model::id::{AttachmentId, ServerId, VolumeId};
use hatchery_model::volume::{Attachment, AttachmentState, VolumeState};
use hatchery_ports::store::UnitOfWork;

/// Where a volume is said to be plugged: into a server, or on a host by itself.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Plugged {
    /// The server.
    pub server: Option<ServerId>,
    /// The host.
    pub host: Option<String>,
    /// Where it shows up there.
    pub mountpoint: String,
    /// Whether it may only be read there.
    pub read_only: bool,
}

impl VolumeVerbs {
    /// `os-attach`: the volume is plugged. Needs `member` on its project. `NotFound`, `Denied`; `Invalid` unless it is available or reserved, or
    /// shared.
    pub async fn attach_volume(
        &self,
        caller: &Caller,
        id: VolumeId,
        plugged: Plugged,
    ) -> Result<(), Error> {
        let ports = &self.ports;
        let mut uow = ports.store.begin().await?;
        let action = "volume_extension:volume_actions:attach";
        let mut volume = access::changeable(&mut *uow, caller, id, action).await?;
        let mut attachments = uow.attachments().list(None, Some(id), None).await?;
        // Said again, it is so already, as with Cinder.
        let is_same = |one: &Attachment| {
            one.state == AttachmentState::Attached
                && (one.server, &one.host) == (plugged.server, &plugged.host)
        };
        if attachments.iter().any(is_same) {
            return Ok(());
        }
        // `os-reserve` has been here before.
        if volume.state == VolumeState::Attaching && attachments.is_empty() {
            volume.state = VolumeState::Available;
        }
        if volume.read_only && !plugged.read_only {
            return Err(Error::Invalid(format!(
                "Invalid volume: the volume {id} is read-only: attach it with the mode 'ro'."
            )));
        }
        let writing =
            Writing { entropy: &*ports.entropy, now: ports.clock.now(), request: &caller.request };
        attachments
            .retain(|one| one.server == plugged.server && one.state == AttachmentState::Reserved);
        let mut attachment = match attachments.pop() {
            Some(reserved) => reserved,
            None => {
                let of = (plugged.server, plugged.read_only);
                bind::reserve(&mut *uow, writing, &mut volume, of.0, of.1).await?
            }
        };
        attachment.state = AttachmentState::Attached;
        attachment.host = plugged.host;
        attachment.mountpoint = Some(plugged.mountpoint);
        bind::update(&mut *uow, writing, &mut attachment).await?;
        Ok(uow.commit().await?)
    }

    /// `os-detach`, and with `force` `os-force_detach`: one attachment goes, which must be named where there are several; without any the volume is
    /// available again. Needs `member` on its project, with `force` `admin`.
    ///
    /// `NotFound`, `Denied`, `Invalid`; `Conflict` while a guest of this cloud has it: that is its server's to end.
    pub async fn detach_volume(
        &self,
        caller: &Caller,
        id: VolumeId,
        attachment: Option<AttachmentId>,
        force: bool,
    ) -> Result<(), Error> {
        let ports = &self.ports;
        let mut uow = ports.store.begin().await?;
        let action = "volume_extension:volume_actions:detach";
        let mut volume = access::changeable(&mut *uow, caller, id, action).await?;
        if force {
            policy::admin(caller, "volume_extension:volume_admin_actions:force_detach")?;
        }
        let attachments = uow.attachments().list(None, Some(id), None).await?;
        let going = chosen(&attachments, attachment)?;
        if let Some(going) = going {
            refuse_used(&mut *uow, going).await?;
        }
        let now = ports.clock.now();
        let writing = Writing { entropy: &*ports.entropy, now, request: &caller.request };
        let left = match going {
            Some(going) => bind::release(&mut *uow, writing, going).await?,
            None => attachments,
        };
        // What was said of it by hand follows too: it is nobody's any more.
        if let Some(found) = uow.volumes().find(id).await? {
            volume = found;
        }
        let passing = matches!(
            volume.state,
            VolumeState::Attaching | VolumeState::Detaching | VolumeState::InUse
        ) || (force && volume.state == VolumeState::Failed);
        if passing && left.is_empty() {
            volume.state = VolumeState::Available;
            super::send::keep(&mut *uow, &mut volume, now).await?;
        }
        Ok(uow.commit().await?)
    }
}

fn chosen(
    attachments: &[Attachment],
    wanted: Option<AttachmentId>,
) -> Result<Option<&Attachment>, Error> {
    match (wanted, attachments) {
        (Some(wanted), all) => match all.iter().find(|one| one.id == wanted) {
            Some(found) => Ok(Some(found)),
            None => Err(Error::not_found(
                "Volume attachment",
                format!("with filter: attachment_id = {wanted}"),
            )),
        },
        (None, []) => Ok(None),
        (None, [only]) => Ok(Some(only)),
        (None, _) => Err(Error::Invalid(
            "Invalid volume: Detach volume failed: More than one attachment, but no attachment_id provided.".into(),
        )),
    }
}

async fn refuse_used(uow: &mut dyn UnitOfWork, attachment: &Attachment) -> Result<(), Error> {
    let Some(server) = attachment.server.filter(|_| attachment.guest.ordered.is_some()) else {
        return Ok(());
    };
    let found = uow.servers().find(server).await?;
    if found.is_some_and(|found| !matches!(found.state, ServerState::Deleted { .. })) {
        return Err(Error::Conflict(format!(
            "Detach volume from instance {server} using the Compute API"
        )));
    }
    Ok(())
}
