//! Takes the request to reboot a server: written down with the order to its host, in one transaction.

use super::{PowerVerbs, find, legality, retried};
use crate::error::Error;
use crate::workflow::illegal;
use crate::workflow::power::{self, By};
use hatchery_model::caller::Caller;
use hatchery_model::compute::{ActionKind, RebootKind, WantedPower};
use hatchery_model::id::ServerId;
use hatchery_model::message::Command;

const ACTION: &str = "os_compute_api:servers:reboot";

impl PowerVerbs {
    /// `reboot`: a soft one asks the guest first, a hard one ends it at once, and also starts a guest that does not run. Needs `member` on the
    /// server's project.
    ///
    /// `NotFound`, `Denied`; `Conflict`, in Nova's words: a soft reboot wants an active server, a hard one an active or stopped one or one in
    /// error, and nothing done to it but a soft reboot.
    pub async fn reboot(
        &self,
        caller: &Caller,
        id: ServerId,
        kind: RebootKind,
    ) -> Result<(), Error> {
        retried(|| self.try_reboot(caller, id, kind)).await
    }

    async fn try_reboot(
        &self,
        caller: &Caller,
        id: ServerId,
        kind: RebootKind,
    ) -> Result<(), Error> {
        let mut uow = self.store.begin().await?;
        let mut server = find(&mut *uow, caller, id, ACTION).await?;
        let grace_seconds = match kind {
            RebootKind::Soft => {
                legality::is_in(&server, "reboot", &["active"], &[])?;
                self.settings.wait_soft_reboot_seconds
            }
            RebootKind::Hard => {
                let states = ["active", "stopped", "error"];
                legality::is_in(&server, "reboot", &states, &["reboot_started"])?;
                0
            }
        };
        legality::has_host(&server)?;
        server.state = server.state.reboot_asked(kind).map_err(illegal)?;
        server.wanted_power = WantedPower::Running;
        let by = By::caller(caller, ActionKind::Reboot);
        let (entropy, now) = (&*self.entropy, self.clock.now());
        let order = power::order(&mut *uow, entropy, now, server, by, |server, generation| {
            Command::RebootGuest { server, generation, kind, grace_seconds }
        });
        let order = order.await?;
        uow.commit().await?;
        self.outgoing.hand_over([order]);
        Ok(())
    }
}
