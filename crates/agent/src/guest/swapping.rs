//! A volume of the guest replaced by another one while it runs.
//!
//! First both are made to hold the same, which may take long and is begun again with every start of the guest. That this is so is written down before
//! the guest goes over to the new one: whoever dies after that finds the new one to be the right one, since both held the same until then.

use super::actor::{Actor, PAUSES, next};
use super::plugs::{Swap, note_copied};
use super::power::{Interrupted, interrupted};
use crate::volume::{self, Measured};
use hatchery_model::message::AttachOutcome;
use hatchery_model::volume::GuestVolume;
use hatchery_ports::hypervisor::{Guest, HypervisorError};
use std::error::Error;
use std::sync::Arc;

impl Actor {
    /// Has the guest use the new volume alone. What a later order interrupts is gone on with after that one.
    pub(super) async fn swap(
        &mut self,
        swap: &Swap,
        running: Option<&Arc<dyn Guest>>,
        measured: &mut Measured,
    ) -> Result<AttachOutcome, Interrupted> {
        let plugs = self.plugs.lock().await;
        let has = |id| plugs.volumes.iter().find(|one| one.attachment == id).cloned();
        let (old, new) = (has(swap.old), has(swap.new.attachment));
        drop(plugs);
        if new.is_some() {
            // Asked again while it was done.
            return Ok(AttachOutcome::Attached);
        }
        let refused = |text: &str| AttachOutcome::NotAttached {
            message: format!("Volume {} could not be swapped: {text}.", swap.new.volume),
            details: text.to_owned(),
        };
        let Some(old) = old else {
            return Ok(refused("the instance does not have the old volume"));
        };
        let guest = match running {
            Some(guest) => guest,
            // It has ended, and both held the same.
            None if swap.is_copied => return Ok(AttachOutcome::Attached),
            None => {
                return Ok(refused("the instance does not run any more; start it, and try again"));
            }
        };
        let host = self.host.clone();
        let ticket = host.volumes.turns.queue(volume::Needs::alone([old.volume, swap.new.volume]));
        let _turn = tokio::select! {
            biased;
            order = next(&mut self.orders) => return Err(interrupted(order)),
            turn = ticket.turn() => turn,
        };
        measured.begins();
        if !swap.is_copied {
            let copied = self.mirror(&old, &swap.new, guest).await?;
            if let Err(error) = copied {
                return Ok(not_swapped(&swap.new, error.as_ref()));
            }
            let server = self.entry.spec.server;
            let mut plugs = self.plugs.lock().await;
            if let Err(error) = note_copied(&host, server, &mut plugs, swap.new.attachment).await {
                drop(plugs);
                tracing::error!(guest.id = %server, %error, "a swap could not be written down, and waits for the next start");
                return Err(interrupted(next(&mut self.orders).await));
            }
        }
        self.pivot(&old, &swap.new, guest).await
    }

    /// Has both volumes hold the same. The inner error: they do not, and the guest has the old one.
    async fn mirror(
        &mut self,
        old: &GuestVolume,
        new: &GuestVolume,
        guest: &Arc<dyn Guest>,
    ) -> Result<Result<(), Box<dyn Error + Send + Sync>>, Interrupted> {
        let source = match volume::find(&self.host, new).await {
            Ok(source) => source,
            Err(error) => return Ok(Err(error.into())),
        };
        let disk = new.disk(source);
        let mirrored = tokio::select! {
            biased;
            order = next(&mut self.orders) => return Err(interrupted(order)),
            reason = guest.ended() => Err(HypervisorError::Failed(format!("the guest has ended: {reason}"))),
            mirrored = guest.mirror(old.volume, &disk) => mirrored,
        };
        Ok(mirrored.map_err(Into::into))
    }

    async fn pivot(
        &mut self,
        old: &GuestVolume,
        new: &GuestVolume,
        guest: &Arc<dyn Guest>,
    ) -> Result<AttachOutcome, Interrupted> {
        let mut pause = PAUSES.0;
        loop {
            // Not interrupted: it is short, and the sooner it is over, the less can go wrong with the new one while it counts as the right one.
            match guest.pivot(old.volume, new.volume).await {
                Ok(()) => {
                    self.limit(new, guest).await;
                    return Ok(AttachOutcome::Attached);
                }
                Err(error @ HypervisorError::Failed(_)) => return Ok(not_swapped(new, &error)),
                Err(error) => {
                    // Said only when it is certain which one the guest has.
                    tracing::warn!(guest.id = %self.entry.spec.server, volume.id = %new.volume, %error, "a volume is half swapped; trying again");
                    tokio::select! {
                        order = next(&mut self.orders) => return Err(interrupted(order)),
                        () = tokio::time::sleep(pause) => {}
                    }
                    pause = (pause * 2).min(PAUSES.1);
                }
            }
        }
    }
}

fn not_swapped(new: &GuestVolume, error: &dyn Error) -> AttachOutcome {
    AttachOutcome::NotAttached {
        message: format!("Volume {} could not be swapped: {error}.", new.volume),
        details: volume::chain(error),
    }
}
