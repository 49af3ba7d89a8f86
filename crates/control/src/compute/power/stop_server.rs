//! Takes the request to stop a server: written down with the order to its host, in one transaction.

use super::{PowerVerbs, find, legality, retried};
use crate::error::Error;
use crate::workflow::illegal;
use crate::workflow::power::{self, By};
use hatchery_model::caller::Caller;
use hatchery_model::compute::{ActionKind, Server, WantedPower};
use hatchery_model::id::ServerId;
use hatchery_model::message::Command;
use hatchery_ports::store::UnitOfWork;

const ACTION: &str = "os_compute_api:servers:stop";
/// The image's word on how long its guests may take to power off.
const GRACE_PROPERTY: &str = "os_shutdown_timeout";

impl PowerVerbs {
    /// `os-stop`: the guest is asked to power off, and ended when its time is over. Needs `member` on the server's project.
    ///
    /// `NotFound`, `Denied`; `Conflict`, in Nova's words, unless the server is active or in error and nothing is done to it.
    pub async fn stop(&self, caller: &Caller, id: ServerId) -> Result<(), Error> {
        retried(|| self.try_stop(caller, id)).await
    }

    async fn try_stop(&self, caller: &Caller, id: ServerId) -> Result<(), Error> {
        let mut uow = self.store.begin().await?;
        let mut server = find(&mut *uow, caller, id, ACTION).await?;
        legality::has_host(&server)?;
        legality::is_in(&server, "stop", &["active", "error"], &[])?;
        let grace_seconds = self.grace(&mut *uow, &server).await?;
        server.state = server.state.stop_asked().map_err(illegal)?;
        server.wanted_power = WantedPower::Stopped;
        let by = By::caller(caller, ActionKind::Stop);
        let (entropy, now) = (&*self.entropy, self.clock.now());
        let order = power::order(&mut *uow, entropy, now, server, by, |server, generation| {
            Command::StopGuest { server, generation, grace_seconds }
        });
        let order = order.await?;
        uow.commit().await?;
        self.outgoing.hand_over([order]);
        Ok(())
    }

    /// So long the guest may take: what its image says, else the operator.
    async fn grace(&self, uow: &mut dyn UnitOfWork, server: &Server) -> Result<u32, Error> {
        let image = match server.image {
            Some(id) => uow.images().find(id).await?,
            None => None,
        };
        let said = image.and_then(|image| image.properties.get(GRACE_PROPERTY)?.parse().ok());
        Ok(said.unwrap_or(self.settings.shutdown_timeout))
    }
}
