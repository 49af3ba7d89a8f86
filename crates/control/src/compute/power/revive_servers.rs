//! Brings servers back whose guests could not start, once the base under their disks is there again.

use super::heal_book::HealBook;
use crate::error::Error;
use crate::workflow::power::{self, By};
use crate::workflow::{Order, Outgoing, TRIES};
use hatchery_model::compute::{ActionKind, Server, ServerState, WantedPower};
use hatchery_model::id::{HostName, ImageId, RequestId, ServerId};
use hatchery_model::page::Page;
use hatchery_model::timestamp::Timestamp;
use hatchery_ports::clock::Clock;
use hatchery_ports::entropy::{Entropy, random_uuid};
use hatchery_ports::store::{ServerFilter, Store, UnitOfWork};
use std::sync::Arc;

/// Name of the states of servers in error.
const IN_ERROR: &str = "in error";

/// See the head of this file.
pub struct ReviveServers {
    /// The database.
    pub store: Arc<dyn Store>,
    /// Time of day.
    pub clock: Arc<dyn Clock>,
    /// Ids.
    pub entropy: Arc<dyn Entropy>,
    /// To the outbox relay.
    pub outgoing: Outgoing,
    /// When which base was put back: the process' only one.
    pub healed: HealBook,
}

impl ReviveServers {
    /// Every server on the host that is in error because this image's base was lost is active again, and is started where its guest is wanted to
    /// run. Says how many; doing it again finds none.
    ///
    /// Starts that were ordered before, and whose failure is not known yet, are for [`Self::late`].
    pub async fn run(&self, host: &HostName, image: ImageId) -> Result<usize, Error> {
        // Before looking: a failure is either found here, or written down after this and then compared with the book.
        self.healed.note(host, image, self.clock.now());
        let filter = ServerFilter {
            host: Some(host.clone()),
            states: vec![IN_ERROR],
            ..ServerFilter::default()
        };
        let mut uow = self.store.read().await?;
        let failed = uow.servers().list(&filter, &Page::default()).await?;
        drop(uow);
        let mut revived = 0;
        for server in failed.iter().filter(|server| waits_for(server, host, image)) {
            revived += usize::from(self.revive(server.id, host, image).await?);
        }
        Ok(revived)
    }

    /// The failure of this server's start has just been written down. Where its base was put back after that start was ordered, whoever put it
    /// back has not found the server in error, and it is brought back now. Says whether it was.
    pub async fn late(&self, server: ServerId) -> Result<bool, Error> {
        let mut uow = self.store.read().await?;
        let Some(server) = uow.servers().find(server).await? else {
            return Ok(false);
        };
        let (Some(host), Some(image)) = (&server.host, lost_base(&server)) else {
            return Ok(false);
        };
        let actions = uow.actions().list(server.id, &Page::default()).await?;
        drop(uow);
        let ordered = actions.iter().filter(|action| starts(action.kind));
        match ordered.map(|action| action.started_at).max() {
            Some(ordered) if self.healed.is_after(ordered, host, image) => {
                self.revive(server.id, host, image).await
            }
            Some(_) | None => Ok(false),
        }
    }

    /// Images whose bases servers in error on the host have been lost to.
    pub async fn waiting(&self, host: &HostName) -> Result<Vec<ImageId>, Error> {
        let filter = ServerFilter {
            host: Some(host.clone()),
            states: vec![IN_ERROR],
            ..ServerFilter::default()
        };
        let mut uow = self.store.read().await?;
        let failed = uow.servers().list(&filter, &Page::default()).await?;
        Ok(failed.iter().filter_map(lost_base).collect())
    }

    /// One server, in a transaction of its own. Says whether it was brought back.
    async fn revive(&self, id: ServerId, host: &HostName, image: ImageId) -> Result<bool, Error> {
        let mut tries = 0;
        loop {
            tries += 1;
            match self.attempt(id, host, image).await {
                Err(Error::Conflict(_)) if tries < TRIES => {}
                ended => return ended,
            }
        }
    }

    async fn attempt(&self, id: ServerId, host: &HostName, image: ImageId) -> Result<bool, Error> {
        let now = self.clock.now();
        let mut uow = self.store.begin().await?;
        let server = uow.servers().find(id).await?;
        let Some(server) = server.filter(|server| waits_for(server, host, image)) else {
            return Ok(false);
        };
        let order = self.bring_back(&mut *uow, server, image, now).await?;
        uow.commit().await?;
        tracing::info!(server.id = %id, host.id = %host, image.id = %image, "brought back: its base is healed");
        self.outgoing.hand_over(order);
        Ok(true)
    }

    async fn bring_back(
        &self,
        uow: &mut dyn UnitOfWork,
        mut server: Server,
        image: ImageId,
        now: Timestamp,
    ) -> Result<Option<Order>, Error> {
        let wanted = server.wanted_power;
        server.state = server.state.healed(image, wanted).map_err(crate::workflow::illegal)?;
        match wanted {
            WantedPower::Running => {
                let by = By {
                    request: RequestId(format!("req-{}", random_uuid(&*self.entropy))),
                    user: server.user.clone(),
                    kind: ActionKind::Start,
                };
                let ordered = power::order(uow, &*self.entropy, now, server, by, power::start);
                ordered.await.map(Some)
            }
            WantedPower::Stopped => {
                server.updated_at = now;
                uow.servers().update(&server).await?;
                Ok(None)
            }
        }
    }
}

/// The image whose base the server is in error for.
fn lost_base(server: &Server) -> Option<ImageId> {
    match &server.state {
        ServerState::Failed(fault) => fault.lost_base,
        ServerState::Building(_)
        | ServerState::Active
        | ServerState::Stopped
        | ServerState::Stopping { .. }
        | ServerState::Starting { .. }
        | ServerState::Rebooting { .. }
        | ServerState::Deleting { .. }
        | ServerState::Deleted { .. } => None,
    }
}

fn waits_for(server: &Server, host: &HostName, image: ImageId) -> bool {
    lost_base(server) == Some(image) && server.host.as_ref() == Some(host)
}

const fn starts(kind: ActionKind) -> bool {
    match kind {
        ActionKind::Start | ActionKind::Reboot => true,
        ActionKind::Create
        | ActionKind::Stop
        | ActionKind::Delete
        | ActionKind::ResetState
        | ActionKind::AttachVolume
        | ActionKind::DetachVolume
        | ActionKind::CreateImage
        | ActionKind::SwapVolume
        | ActionKind::ExtendVolume => false,
    }
}
