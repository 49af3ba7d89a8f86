//! Orders to plug volumes into guests, or to take them out, that have not been answered: sent again, or given up.
//!
//! They are sent again as long as the server's host is heard. Where it is not for longer than `give_up_after_seconds`, nobody knows whether the guest
//! has the volume: it counts as plugged, so that nothing else gets it, and its user is told. A server whose guest is still to be built is not ours: its
//! host's reports say what became of that.

use super::volume_orders::{Verdict, VolumeOrders};
use crate::compute::volumes::{ended, guest_volume, swap_command};
use crate::error::Error;
use crate::volume::bind;
use crate::volume::placement::is_heard;
use crate::volume::send::Writing;
use crate::volume::tell::{self, About};
use crate::workflow::order;
use hatchery_model::compute::ServerState;
use hatchery_model::generation::Generation;
use hatchery_model::id::{AttachmentId, ServerId};
use hatchery_model::message::Command;
use hatchery_model::timestamp::Timestamp;
use hatchery_model::volume::{Attachment, AttachmentState};
use hatchery_ports::store::UnitOfWork;

/// Those that have waited for an answer since before then.
pub(super) fn due(
    attachments: &[Attachment],
    before: Timestamp,
) -> impl Iterator<Item = AttachmentId> {
    attachments.iter().filter(move |one| is_due(one, before)).map(|one| one.id)
}

fn is_due(attachment: &Attachment, before: Timestamp) -> bool {
    let waits = match attachment.state {
        AttachmentState::Attaching | AttachmentState::Detaching => true,
        AttachmentState::Reserved | AttachmentState::Attached => false,
    };
    waits && attachment.guest.ordered.is_some_and(|(_, sent_at)| sent_at < before)
}

impl VolumeOrders {
    pub(super) async fn attachment(
        &self,
        id: AttachmentId,
        before: Timestamp,
    ) -> Result<Verdict, Error> {
        let mut uow = self.store.begin().await?;
        let found = uow.attachments().find(id).await?;
        let Some(mut attachment) = found.filter(|found| is_due(found, before)) else {
            return Ok(Verdict::Wait);
        };
        let (Some((_, sent_at)), Some(server)) = (attachment.guest.ordered, attachment.server)
        else {
            return Ok(Verdict::Wait);
        };
        let server = uow.servers().find(server).await?;
        let Some(mut server) = server.filter(|server| has_guest(&server.state)) else {
            return Ok(Verdict::Wait);
        };
        let host = match &server.host {
            Some(name) => uow.hosts().find(name).await?,
            None => None,
        };
        let request = self.request();
        let ground = self.ground(&request);
        let (writing, now) = (ground.writing, ground.writing.now);
        if host.is_some_and(|host| is_heard(&host, &self.settings, now)) {
            let generation = server.generation.next();
            attachment.guest.ordered = Some((generation, now));
            bind::update(&mut *uow, writing, &mut attachment).await?;
            let command = command(&mut *uow, server.id, generation, &attachment).await?;
            server.updated_at = now;
            uow.servers().update(&server).await?;
            // Still for whoever asked for it first.
            let request = attachment.guest.request.as_ref().unwrap_or(&request);
            let writing = Writing { request, ..writing };
            let order = order::to_host(&mut *uow, writing, &server, command).await?;
            self.leave(uow, vec![order]).await?;
            return Ok(Verdict::SendAgain);
        }
        // Of a swap only the host knows which volume its guest has: both stay bound until it says so.
        let is_swap = attachment.guest.replaces.is_some();
        if is_swap || sent_at.plus_seconds(self.settings.give_up_after_seconds) >= now {
            return Ok(Verdict::Wait);
        }
        let detail = if attachment.state == AttachmentState::Detaching {
            tell::NOT_DETACHED
        } else {
            tell::NOT_ATTACHED
        };
        attachment.state = AttachmentState::Attached;
        bind::update(&mut *uow, writing, &mut attachment).await?;
        let about = (&attachment.project, About::Volume(attachment.volume));
        let reason = format!(
            "The host of instance {} has not answered, so the volume counts as attached: look after the host, then detach it.",
            server.id
        );
        tell::tell(&mut *uow, writing, &self.settings, about, (tell::ATTACH, detail), &reason)
            .await?;
        ended(&mut *uow, writing, server.host, &attachment, Some(&reason)).await?;
        self.leave(uow, Vec::new()).await?;
        Ok(Verdict::GiveUp)
    }
}

/// The order that an attachment waits for.
async fn command(
    uow: &mut dyn UnitOfWork,
    server: ServerId,
    generation: Generation,
    attachment: &Attachment,
) -> Result<Command, Error> {
    if attachment.state == AttachmentState::Detaching {
        return Ok(Command::DetachVolume { server, generation, attachment: attachment.id });
    }
    let volume = uow.volumes().find(attachment.volume).await?;
    let volume = volume.ok_or_else(|| Error::not_found("Volume", attachment.volume))?;
    match attachment.guest.replaces {
        Some(old) => swap_command(uow, (server, generation), old, attachment, &volume).await,
        None => {
            let volume = Box::new(guest_volume(uow, attachment, &volume).await?);
            Ok(Command::AttachVolume { server, generation, volume })
        }
    }
}

/// Whether the server's guest is there, so that volumes are plugged into it one by one.
const fn has_guest(state: &ServerState) -> bool {
    match state {
        ServerState::Active
        | ServerState::Stopped
        | ServerState::Stopping { .. }
        | ServerState::Starting { .. }
        | ServerState::Rebooting { .. }
        | ServerState::Failed(_) => true,
        ServerState::Building(_) | ServerState::Deleting { .. } | ServerState::Deleted { .. } => {
            false
        }
    }
}
