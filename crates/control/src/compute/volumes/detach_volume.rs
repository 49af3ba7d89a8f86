//! Has a server use a volume no more.

use super::{ServerVolumeVerbs, bound};
use crate::compute::find_server;
use crate::compute::power::legality;
use crate::error::Error;
use crate::policy;
use crate::scheduler::is_up;
use crate::volume::bind;
use crate::volume::send::Writing;
use crate::workflow::order;
use crate::workflow::power::{By, note_action};
use hatchery_model::caller::Caller;
use hatchery_model::compute::ActionKind;
use hatchery_model::id::{ServerId, VolumeId};
use hatchery_model::message::Command;
use hatchery_model::volume::{AttachmentState, VolumeState};

const ACTION: &str = "os_compute_api:os-volumes-attachments:delete";
/// What Nova calls it where it refuses it.
const VERB: &str = "detach_volume";

impl ServerVolumeVerbs {
    /// Has the server use the volume no more: the order goes to its host, and the volume is `detaching` until that answers. Works for servers that
    /// are active or stopped. Needs `member` on the server's project.
    ///
    /// `NotFound` (server, or it does not have the volume), `Denied`; `Invalid` for the root disk, for a volume that is not plugged, and
    /// for one that is just being extended, uploaded or backed up; `Conflict`
    /// where the server's state does not allow it, it is locked, or its host is silent.
    pub async fn detach(
        &self,
        caller: &Caller,
        id: ServerId,
        volume: VolumeId,
    ) -> Result<(), Error> {
        let mut uow = self.store.begin().await?;
        let mut server = find_server::find(&mut *uow, caller, id).await?;
        policy::write(caller, &server.project, ACTION)?;
        let mut attachment = bound(&mut *uow, id, volume).await?;
        if attachment.guest.boot_index == Some(0) {
            return Err(Error::Invalid("Cannot detach a root device volume".into()));
        }
        legality::is_unlocked(&server, caller)?;
        legality::is_in(&server, VERB, &["active", "stopped"], &[])?;
        legality::has_host(&server)?;
        let found = uow.volumes().find(volume).await?;
        if attachment.state != AttachmentState::Attached
            || found.is_some_and(|volume| is_worked_on(&volume.state))
        {
            return Err(Error::Invalid(
                "Invalid volume: Unable to detach volume. Volume status must be 'in-use' and attach_status must be 'attached' to detach.".into(),
            ));
        }
        let now = self.clock.now();
        let host = match &server.host {
            Some(name) => uow.hosts().find(name).await?,
            None => None,
        };
        if !host.is_some_and(|host| is_up(&host, &self.settings.scheduler, now)) {
            return Err(Error::Conflict(
                "Service is unavailable at this time: the instance's host has not been heard lately.".into(),
            ));
        }
        let writing = Writing { entropy: &*self.entropy, now, request: &caller.request };
        let generation = server.generation.next();
        attachment.state = AttachmentState::Detaching;
        attachment.guest.ordered = Some((generation, now));
        attachment.guest.request = Some(caller.request.clone());
        bind::update(&mut *uow, writing, &mut attachment).await?;
        server.updated_at = now;
        uow.servers().update(&server).await?;
        let by = By::caller(caller, ActionKind::DetachVolume);
        note_action(&mut *uow, &server, &by, now).await?;
        let command = Command::DetachVolume { server: id, generation, attachment: attachment.id };
        let order = order::to_host(&mut *uow, writing, &server, command).await?;
        uow.commit().await?;
        self.outgoing.hand_over([order]);
        Ok(())
    }
}

/// Whether its bytes are being read or its size changed for somebody, where the server has it.
const fn is_worked_on(state: &VolumeState) -> bool {
    matches!(
        state,
        VolumeState::Extending { .. }
            | VolumeState::Uploading { .. }
            | VolumeState::BackingUp { .. }
    )
}
