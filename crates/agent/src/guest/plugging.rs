//! Volumes plugged into the guest and taken out of it, one after the other. A guest that does not run has them from its next start on.

use super::actor::{Actor, PAUSES, next};
use super::plugs::{Change, Pending, settle};
use super::power::{Interrupted, interrupted};
use crate::volume::{self, Measured};
use hatchery_model::id::AttachmentId;
use hatchery_model::message::AttachOutcome;
use hatchery_model::volume::GuestVolume;
use hatchery_ports::hypervisor::Guest;
use std::error::Error;
use std::sync::Arc;

impl Actor {
    /// Does what is written down and not done. What a later order interrupts is done after that one.
    pub(super) async fn work_off_plugs(
        &mut self,
        running: Option<&Arc<dyn Guest>>,
    ) -> Result<(), Interrupted> {
        loop {
            let Some(pending) = self.plugs.lock().await.pending.first().cloned() else {
                return Ok(());
            };
            let mut measured = Measured::waits(pending.change.label());
            let outcome = match &pending.change {
                Change::Attach(volume) => self.attach(volume, running, &mut measured).await?,
                Change::Detach(attachment) => {
                    self.detach(*attachment, running, &mut measured).await?
                }
                Change::Swap(swap) => self.swap(swap, running, &mut measured).await?,
            };
            measured.ends(match &outcome {
                AttachOutcome::Attached | AttachOutcome::Detached => true,
                AttachOutcome::NotAttached { .. } | AttachOutcome::NotDetached { .. } => false,
            });
            self.plug_done(pending, outcome).await;
        }
    }

    async fn plug_done(&self, pending: Pending, outcome: AttachOutcome) {
        let server = self.entry.spec.server;
        tracing::info!(guest.id = %server, ?outcome, "an order about a volume of the guest is done");
        let request = pending.request.clone();
        let mut plugs = self.plugs.lock().await;
        let event = settle(&self.host, server, &mut plugs, pending, outcome).await;
        drop(plugs);
        self.host.publisher.send_in_background(request, event);
    }

    async fn attach(
        &mut self,
        volume: &GuestVolume,
        running: Option<&Arc<dyn Guest>>,
        measured: &mut Measured,
    ) -> Result<AttachOutcome, Interrupted> {
        let host = self.host.clone();
        let ticket = host.volumes.turns.queue(volume::Needs::alone([volume.volume]));
        let _turn = tokio::select! {
            biased;
            order = next(&mut self.orders) => return Err(interrupted(order)),
            turn = ticket.turn() => turn,
        };
        measured.begins();
        let not_attached = |error: &dyn Error| AttachOutcome::NotAttached {
            message: format!("Volume {} could not be attached: {error}.", volume.volume),
            details: volume::chain(error),
        };
        let source = match volume::find(&host, volume).await {
            Ok(source) => source,
            Err(error) => return Ok(not_attached(&error)),
        };
        let Some(guest) = running else {
            return Ok(AttachOutcome::Attached);
        };
        let Err(error) = guest.attach(&volume.disk(source)).await else {
            return Ok(AttachOutcome::Attached);
        };
        // Said only when it is certain, since another guest may be given the volume then.
        let mut pause = PAUSES.0;
        while let Err(left) = guest.detach(volume.volume).await {
            tracing::warn!(guest.id = %self.entry.spec.server, volume.id = %volume.volume, %left, "a volume is half plugged in; trying again");
            tokio::select! {
                order = next(&mut self.orders) => return Err(interrupted(order)),
                () = tokio::time::sleep(pause) => {}
            }
            pause = (pause * 2).min(PAUSES.1);
        }
        Ok(not_attached(&error))
    }

    /// Limits what the guest takes of a volume that it has. Where that cannot be, it goes on without limits until its next start.
    pub(super) async fn limit(&self, volume: &GuestVolume, guest: &Arc<dyn Guest>) {
        if let Err(error) = guest.limit(volume.volume, &volume.qos).await {
            tracing::warn!(guest.id = %self.entry.spec.server, volume.id = %volume.volume, error = volume::chain(&error), "what the guest takes of a volume is not limited");
        }
    }

    async fn detach(
        &mut self,
        attachment: AttachmentId,
        running: Option<&Arc<dyn Guest>>,
        measured: &mut Measured,
    ) -> Result<AttachOutcome, Interrupted> {
        let plugs = self.plugs.lock().await;
        let found = plugs.volumes.iter().find(|one| one.attachment == attachment).cloned();
        drop(plugs);
        let (Some(volume), Some(guest)) = (found, running) else {
            return Ok(AttachOutcome::Detached);
        };
        let host = self.host.clone();
        let taken = async {
            let _turn =
                host.volumes.turns.queue(volume::Needs::alone([volume.volume])).turn().await;
            measured.begins();
            guest.detach(volume.volume).await
        };
        let taken = tokio::select! {
            biased;
            order = next(&mut self.orders) => return Err(interrupted(order)),
            taken = taken => taken,
        };
        Ok(match taken {
            Ok(()) => AttachOutcome::Detached,
            Err(error) => AttachOutcome::NotDetached {
                message: format!("Volume {} could not be detached: {error}.", volume.volume),
                details: volume::chain(&error),
            },
        })
    }
}
