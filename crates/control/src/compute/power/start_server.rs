//! Takes the request to start a server that is stopped: written down with the order to its host, in one transaction.

use super::{PowerVerbs, find, legality, retried};
use crate::error::Error;
use crate::workflow::illegal;
use crate::workflow::power::{self, By};
use hatchery_model::caller::Caller;
use hatchery_model::compute::{ActionKind, WantedPower};
use hatchery_model::id::ServerId;

const ACTION: &str = "os_compute_api:servers:start";

impl PowerVerbs {
    /// `os-start`. Needs `member` on the server's project.
    ///
    /// `NotFound`, `Denied`; `Conflict`, in Nova's words, unless the server is stopped and nothing is done to it.
    pub async fn start(&self, caller: &Caller, id: ServerId) -> Result<(), Error> {
        retried(|| self.try_start(caller, id)).await
    }

    async fn try_start(&self, caller: &Caller, id: ServerId) -> Result<(), Error> {
        let mut uow = self.store.begin().await?;
        let mut server = find(&mut *uow, caller, id, ACTION).await?;
        legality::has_host(&server)?;
        legality::is_in(&server, "start", &["stopped"], &[])?;
        server.state = server.state.start_asked().map_err(illegal)?;
        server.wanted_power = WantedPower::Running;
        let by = By::caller(caller, ActionKind::Start);
        let (entropy, now) = (&*self.entropy, self.clock.now());
        let order = power::order(&mut *uow, entropy, now, server, by, power::start).await?;
        uow.commit().await?;
        self.outgoing.hand_over([order]);
        Ok(())
    }
}
