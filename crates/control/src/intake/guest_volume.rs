//! What became of an order to plug a volume into a guest, or to take it out. Only the answer to the last order about an attachment counts.

use super::Intake;
use crate::compute::volumes::ended;
use crate::error::Error;
use crate::volume::bind;
use crate::volume::send::Writing;
use crate::volume::tell::{self, About};
use hatchery_model::id::{HostName, RequestId};
use hatchery_model::message::{AttachOutcome, Event};
use hatchery_model::volume::{Attachment, AttachmentState};
use hatchery_ports::store::UnitOfWork;

impl Intake {
    /// Takes an answer. One that no attachment waits for is ignored.
    pub(super) async fn guest_volume_changed(
        &self,
        event: &Event,
        request: &RequestId,
    ) -> Result<(), Error> {
        let Event::GuestVolumeChanged { host, server, generation, attachment: id, outcome } = event
        else {
            return Ok(());
        };
        let mut uow = self.store.begin().await?;
        let Some(attachment) = uow.attachments().find(*id).await? else { return Ok(()) };
        let last = attachment.guest.ordered.is_some_and(|(last, _)| last <= *generation);
        let here = attachment.host.as_deref() == Some(host.0.as_str());
        if attachment.server != Some(*server) || !last || !here {
            return Ok(());
        }
        if self.change_attachment(&mut *uow, host, attachment, outcome, request).await? {
            uow.commit().await?;
        }
        Ok(())
    }

    /// Says whether anything had to be written.
    async fn change_attachment(
        &self,
        uow: &mut dyn UnitOfWork,
        host: &HostName,
        mut attachment: Attachment,
        outcome: &AttachOutcome,
        request: &RequestId,
    ) -> Result<bool, Error> {
        let writing = Writing { entropy: &*self.entropy, now: self.clock.now(), request };
        let (attaching, detaching) = (
            attachment.state == AttachmentState::Attaching,
            attachment.state == AttachmentState::Detaching,
        );
        let failed = match outcome {
            AttachOutcome::Attached if attaching && attachment.guest.replaces.is_some() => {
                swapped(uow, writing, &mut attachment).await?;
                None
            }
            AttachOutcome::NotAttached { message, details }
                if attaching && attachment.guest.replaces.is_some() =>
            {
                not_swapped(uow, writing, &attachment).await?;
                Some((tell::NOT_ATTACHED, message, details))
            }
            AttachOutcome::Attached if attaching => {
                attachment.state = AttachmentState::Attached;
                bind::update(uow, writing, &mut attachment).await?;
                None
            }
            AttachOutcome::NotAttached { message, details } if attaching => {
                bind::release(uow, writing, &attachment).await?;
                Some((tell::NOT_ATTACHED, message, details))
            }
            AttachOutcome::Detached if detaching => {
                bind::release(uow, writing, &attachment).await?;
                None
            }
            AttachOutcome::NotDetached { message, details } if detaching => {
                attachment.state = AttachmentState::Attached;
                bind::update(uow, writing, &mut attachment).await?;
                Some((tell::NOT_DETACHED, message, details))
            }
            AttachOutcome::Attached
            | AttachOutcome::NotAttached { .. }
            | AttachOutcome::Detached
            | AttachOutcome::NotDetached { .. } => return Ok(false),
        };
        if let Some((detail, message, details)) = failed {
            tracing::warn!(volume.id = %attachment.volume, host.id = %host, message, details, "a guest's volumes are not as ordered");
            let about = (&attachment.project, About::Volume(attachment.volume));
            let what = (tell::ATTACH, detail);
            tell::tell(uow, writing, &self.volume_settings, about, what, message).await?;
        }
        let message = failed.map(|(_, message, _)| message.as_str());
        ended(uow, writing, Some(host.clone()), &attachment, message).await?;
        Ok(true)
    }
}

/// The guest has the new volume in the old one's place: the old one is nobody's any more.
async fn swapped(
    uow: &mut dyn UnitOfWork,
    writing: Writing<'_>,
    new: &mut Attachment,
) -> Result<(), Error> {
    let old = match new.guest.replaces.take() {
        Some(old) => uow.attachments().find(old).await?,
        None => None,
    };
    new.state = AttachmentState::Attached;
    if let Some(old) = &old {
        new.guest.delete_on_termination = old.guest.delete_on_termination;
    }
    bind::update(uow, writing, new).await?;
    if let Some(old) = old {
        bind::release(uow, writing, &old).await?;
    }
    Ok(())
}

/// The guest has the old volume as before: the new one is nobody's.
async fn not_swapped(
    uow: &mut dyn UnitOfWork,
    writing: Writing<'_>,
    new: &Attachment,
) -> Result<(), Error> {
    bind::release(uow, writing, new).await?;
    let Some(old) = new.guest.replaces else { return Ok(()) };
    if let Some(mut old) = uow.attachments().find(old).await? {
        old.state = AttachmentState::Attached;
        bind::update(uow, writing, &mut old).await?;
    }
    Ok(())
}
