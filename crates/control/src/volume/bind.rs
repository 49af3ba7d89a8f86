//! Binds volumes to servers, in the caller's transaction: for the attachments' doors and for the verbs of servers.

use super::send::{Writing, keep};
use crate::error::Error;
use hatchery_model::generation::Generation;
use hatchery_model::id::{AttachmentId, ServerId};
use hatchery_model::volume::{Attachment, AttachmentState, GuestUse, Volume, VolumeState};
use hatchery_ports::entropy::random_uuid;
use hatchery_ports::store::UnitOfWork;

/// Keeps a volume for a server: its attachment is `reserved`, and nobody else may use the volume unless it is shared.
///
/// `Invalid` in Cinder's words where the volume's state does not allow it.
pub(crate) async fn reserve(
    uow: &mut dyn UnitOfWork,
    writing: Writing<'_>,
    volume: &mut Volume,
    server: Option<ServerId>,
    read_only: bool,
) -> Result<Attachment, Error> {
    let mut attachments = uow.attachments().list(None, Some(volume.id), None).await?;
    let found = volume.state.clone();
    let again = server.is_some() && attachments.iter().any(|one| one.server == server);
    match found.clone().reserved(volume.multiattach) {
        Ok(state) => volume.state = state,
        // The same server may be about to use it from another host.
        Err(_) if again && matches!(found, VolumeState::InUse | VolumeState::Reserved) => {}
        Err(_) => {
            let expected = if volume.multiattach {
                "available or in-use or downloading"
            } else {
                "available or downloading"
            };
            return Err(Error::Invalid(format!(
                "Invalid volume: Volume {} status must be {expected} to reserve, but the current status is {}.",
                volume.id,
                found.status()
            )));
        }
    }
    let attachment = new(writing, volume, server, read_only);
    uow.attachments().insert(&attachment).await?;
    attachments.push(attachment.clone());
    keep(uow, volume, writing.now).await?;
    Ok(attachment)
}

/// Binds a volume that is still being made: it is the server's as soon as it is there.
pub(crate) async fn reserve_new(
    uow: &mut dyn UnitOfWork,
    writing: Writing<'_>,
    volume: &Volume,
    server: ServerId,
) -> Result<Attachment, Error> {
    let attachment = new(writing, volume, Some(server), false);
    uow.attachments().insert(&attachment).await?;
    Ok(attachment)
}

fn new(
    writing: Writing<'_>,
    volume: &Volume,
    server: Option<ServerId>,
    read_only: bool,
) -> Attachment {
    Attachment {
        id: AttachmentId(random_uuid(writing.entropy)),
        generation: Generation::FIRST,
        volume: volume.id,
        project: volume.project.clone(),
        server,
        state: AttachmentState::Reserved,
        host: None,
        mountpoint: None,
        read_only: read_only || volume.read_only,
        created_at: writing.now,
        attached_at: None,
        guest: GuestUse::default(),
    }
}

/// Stores an attachment as it is given, and has its volume's state follow.
pub(crate) async fn update(
    uow: &mut dyn UnitOfWork,
    writing: Writing<'_>,
    attachment: &mut Attachment,
) -> Result<(), Error> {
    if attachment.state == AttachmentState::Attached && attachment.attached_at.is_none() {
        attachment.attached_at = Some(writing.now);
    }
    uow.attachments().update(attachment).await?;
    attachment.generation = attachment.generation.next();
    follow(uow, writing, attachment).await.map(drop)
}

/// Removes an attachment, and has its volume's state follow. What is left of the volume's attachments.
pub(crate) async fn release(
    uow: &mut dyn UnitOfWork,
    writing: Writing<'_>,
    attachment: &Attachment,
) -> Result<Vec<Attachment>, Error> {
    uow.attachments().delete(attachment.id).await?;
    follow(uow, writing, attachment).await
}

async fn follow(
    uow: &mut dyn UnitOfWork,
    writing: Writing<'_>,
    attachment: &Attachment,
) -> Result<Vec<Attachment>, Error> {
    let attachments = uow.attachments().list(None, Some(attachment.volume), None).await?;
    let Some(mut volume) = uow.volumes().find(attachment.volume).await? else {
        return Ok(attachments);
    };
    let state = rested(volume.state.clone(), &attachments);
    if state != volume.state {
        volume.state = state;
        keep(uow, &mut volume, writing.now).await?;
    }
    Ok(attachments)
}

/// The state that attachments alone give a volume.
pub(crate) fn state_of(attachments: &[Attachment]) -> VolumeState {
    let any = |state| attachments.iter().any(|one| one.state == state);
    if any(AttachmentState::Attached) {
        // One of several is going, or there is one that is going.
        VolumeState::InUse
    } else if any(AttachmentState::Attaching) {
        VolumeState::Attaching
    } else if any(AttachmentState::Detaching) {
        VolumeState::Detaching
    } else if any(AttachmentState::Reserved) {
        VolumeState::Reserved
    } else {
        VolumeState::Available
    }
}

/// The volume's state with these attachments: work that goes on meanwhile goes on.
pub(crate) fn rested(state: VolumeState, attachments: &[Attachment]) -> VolumeState {
    let used = state_of(attachments);
    let attached = used != VolumeState::Available;
    match state {
        VolumeState::Available
        | VolumeState::Reserved
        | VolumeState::Attaching
        | VolumeState::InUse
        | VolumeState::Detaching => used,
        VolumeState::Extending { to_gib, order, request, .. } => {
            VolumeState::Extending { to_gib, attached, order, request }
        }
        VolumeState::Uploading { image, order, .. } => {
            VolumeState::Uploading { image, attached, order }
        }
        VolumeState::BackingUp { backup, .. } => VolumeState::BackingUp { backup, attached },
        state @ (VolumeState::Creating(_)
        | VolumeState::Reverting { .. }
        | VolumeState::Restoring(_)
        | VolumeState::Deleting(_)
        | VolumeState::Moving(_)
        | VolumeState::Managing(_)
        | VolumeState::Unmanaging(_)
        | VolumeState::SaidCreating
        | VolumeState::SaidDeleting
        | VolumeState::NotManaged
        | VolumeState::Failed
        | VolumeState::NotDeleted
        | VolumeState::NotExtended
        | VolumeState::NotReverted
        | VolumeState::Maintenance
        | VolumeState::AwaitingTransfer) => state,
    }
}
