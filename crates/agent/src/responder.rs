//! Questions about live data, answered from the host.

use crate::agent::Host;
use crate::{console, folder};
use async_trait::async_trait;
use hatchery_model::compute::PowerState;
use hatchery_model::id::ServerId;
use hatchery_model::message::{Answer, Ask};
use hatchery_ports::bus;
use std::sync::Arc;

/// The agent's ear for questions.
pub(crate) struct Responder(pub(crate) Arc<Host>);

#[async_trait]
impl bus::Responder for Responder {
    async fn answer(&self, ask: Ask) -> Result<Answer, String> {
        match ask {
            Ask::ConsoleLog { server, lines } => self.console_log(server, lines).await,
            Ask::ManageableVolumes { backend } => self.manageable(&backend).await,
            Ask::ManageableSnapshots { backend } => {
                let found = self.0.volumes.manageable_snapshots(&backend).await?;
                Ok(Answer::ManageableSnapshots(found))
            }
            Ask::PowerState { server } => self.power_state(server).await,
        }
    }
}

impl Responder {
    async fn console_log(&self, server: ServerId, lines: Option<u32>) -> Result<Answer, String> {
        if !self.0.registry.has(server) {
            return Ok(Answer::NoGuest);
        }
        let path = self.0.journal.folder(server);
        folder::off_thread(move || console::tail(&path, lines))
            .await
            .map(Answer::ConsoleLog)
            .map_err(|error| format!("the console log cannot be read: {error}"))
    }

    async fn manageable(&self, backend: &str) -> Result<Answer, String> {
        let found = self.0.volumes.manageable(backend).await?;
        Ok(Answer::ManageableVolumes(found))
    }

    async fn power_state(&self, server: ServerId) -> Result<Answer, String> {
        match self.0.registry.running(server) {
            Some(guest) => {
                guest.power_state().await.map(Answer::PowerState).map_err(|error| error.to_string())
            }
            None if self.0.registry.has(server) => Ok(Answer::PowerState(PowerState::Off)),
            None => Ok(Answer::NoGuest),
        }
    }
}
