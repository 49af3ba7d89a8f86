//! Has a running server use another volume in one's place.

use super::{ServerVolumeVerbs, bound, guest_volume};
use crate::compute::find_server;
use crate::compute::power::legality;
use crate::error::Error;
use crate::policy;
use crate::volume::send::Writing;
use crate::volume::{bind, placement};
use crate::workflow::order;
use crate::workflow::power::{By, note_action};
use hatchery_model::caller::Caller;
use hatchery_model::compute::{ActionKind, Server};
use hatchery_model::id::{AttachmentId, ServerId, VolumeId};
use hatchery_model::message::Command;
use hatchery_model::volume::{Attachment, AttachmentState, GuestUse, Volume, VolumeState};
use hatchery_ports::store::UnitOfWork;

const ACTION: &str = "os_compute_api:os-volumes-attachments:swap";
/// What Nova calls it where it refuses it.
const VERB: &str = "swap_volume";

impl ServerVolumeVerbs {
    /// Has the server's guest copy all that `old` holds to `new` and use that one from then on, under the same device: `old` is `detaching` and `new`
    /// `attaching` until the host answers; then `old` is nobody's. Works for servers that are active. Administrators only.
    ///
    /// `NotFound` (server, or it does not have `old`), `Denied`; `Invalid` where there is no `new` or it is smaller, one of them is shared, or a
    /// volume's state does not allow it; `Conflict`, in Nova's words, where the server's state does not, or it is locked.
    pub async fn swap(
        &self,
        caller: &Caller,
        id: ServerId,
        old: VolumeId,
        new: VolumeId,
    ) -> Result<(), Error> {
        let mut uow = self.store.begin().await?;
        let mut server = find_server::find(&mut *uow, caller, id).await?;
        policy::admin(caller, ACTION)?;
        let mut from = bound(&mut *uow, id, old).await?;
        legality::is_unlocked(&server, caller)?;
        legality::is_in(&server, VERB, &["active"], &[])?;
        legality::has_host(&server)?;
        let mut volume = check(&mut *uow, &server, (&from, new)).await?;
        let writing =
            Writing { entropy: &*self.entropy, now: self.clock.now(), request: &caller.request };
        let mut to =
            bind::reserve(&mut *uow, writing, &mut volume, Some(id), from.read_only).await?;
        let generation = server.generation.next();
        to.state = AttachmentState::Attaching;
        to.host.clone_from(&from.host);
        to.mountpoint.clone_from(&from.mountpoint);
        to.guest = GuestUse {
            // What goes with the server stays said of the old one, until there is no old one.
            delete_on_termination: false,
            boot_index: from.guest.boot_index,
            tag: from.guest.tag.clone(),
            ordered: Some((generation, writing.now)),
            request: Some(caller.request.clone()),
            replaces: Some(from.id),
        };
        bind::update(&mut *uow, writing, &mut to).await?;
        from.state = AttachmentState::Detaching;
        from.guest.ordered = None;
        bind::update(&mut *uow, writing, &mut from).await?;
        server.updated_at = writing.now;
        uow.servers().update(&server).await?;
        let by = By::caller(caller, ActionKind::SwapVolume);
        note_action(&mut *uow, &server, &by, writing.now).await?;
        let generation = (id, generation);
        let command = command(&mut *uow, generation, from.id, &to, &volume).await?;
        let order = order::to_host(&mut *uow, writing, &server, command).await?;
        uow.commit().await?;
        self.outgoing.hand_over([order]);
        Ok(())
    }
}

/// The order to the server's host.
pub(crate) async fn command(
    uow: &mut dyn UnitOfWork,
    (server, generation): (ServerId, hatchery_model::generation::Generation),
    old: AttachmentId,
    to: &Attachment,
    volume: &Volume,
) -> Result<Command, Error> {
    let new = Box::new(guest_volume(uow, to, volume).await?);
    Ok(Command::SwapVolume { server, generation, old, new })
}

/// The new volume, if it may replace the one that is bound.
async fn check(
    uow: &mut dyn UnitOfWork,
    server: &Server,
    (from, new): (&Attachment, VolumeId),
) -> Result<Volume, Error> {
    let invalid = |text: &str| Err(Error::Invalid(format!("Invalid volume: {text}")));
    let Some(volume) = uow.volumes().find(new).await? else {
        return Err(Error::Invalid(format!("Volume {new} could not be found.")));
    };
    let Some(old) = uow.volumes().find(from.volume).await? else {
        return Err(Error::not_found("Volume", from.volume));
    };
    // One that is just being extended or read is not given away either.
    if from.state != AttachmentState::Attached || old.state != VolumeState::InUse {
        return invalid(
            "Unable to detach volume. Volume status must be 'in-use' and attach_status must be 'attached' to detach.",
        );
    }
    if !uow.attachments().list(None, Some(new), None).await?.is_empty() {
        return invalid("New volume must be detached in order to swap.");
    }
    if volume.size_gib < old.size_gib {
        return invalid("New volume must be the same size or larger.");
    }
    if old.multiattach && uow.attachments().list(None, Some(old.id), None).await?.len() > 1 {
        return Err(Error::Invalid(
            "Swapping multi-attach volumes with more than one read/write attachment is not supported.".into(),
        ));
    }
    let hosts = uow.hosts().list().await?;
    if let (Some(backend), Some(host)) = (&volume.backend, &server.host)
        && !placement::reaches(&hosts, backend, host)
    {
        return invalid(&format!(
            "volume {new} lies in {backend}, which host {host} of instance {} cannot use.",
            server.id
        ));
    }
    Ok(volume)
}
