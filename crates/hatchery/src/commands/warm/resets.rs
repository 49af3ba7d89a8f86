//! Servers whose base was away and is back: those that Nova shows in ERROR are set back to active and rebooted hard. One that is stopped is left
//! to its owner, who may have stopped it.

use super::parts::chain;
use hatchery_model::base::{Deed, Did};
use hatchery_model::id::ServerId;
use hatchery_openstack::{NovaServers, OpenstackError};
use std::collections::BTreeSet;
use tokio::sync::Mutex;

/// See the head of this file.
pub struct Resets {
    nova: NovaServers,
    /// Those that Nova has not been told of yet, since it did not answer.
    due: Mutex<BTreeSet<ServerId>>,
}

impl Resets {
    /// By this Nova.
    pub fn new(nova: NovaServers) -> Self {
        Self { nova, due: Mutex::default() }
    }

    /// After these deeds. What Nova does not do now is tried again at the next call.
    pub async fn after(&self, deeds: &[Deed]) {
        let mut due = self.due.lock().await;
        let healed = deeds.iter().filter(|deed| matches!(deed.did, Did::Healed | Did::Linked));
        due.extend(healed.flat_map(|deed| deed.servers.iter().copied()));
        for server in due.clone() {
            match self.reset(server).await {
                Ok(()) => {
                    due.remove(&server);
                }
                Err(error) => {
                    tracing::warn!(server.id = %server, error = chain(&error), "not reset yet");
                }
            }
        }
    }

    async fn reset(&self, server: ServerId) -> Result<(), OpenstackError> {
        let Some(found) = self.nova.find(server).await? else {
            return Ok(());
        };
        if found.status != "ERROR" || found.task.is_some() {
            tracing::info!(server.id = %server, status = found.status, "its base is back; left as it is");
            return Ok(());
        }
        self.nova.reset_state(server).await?;
        self.nova.hard_reboot(server).await?;
        tracing::info!(server.id = %server, "its base is back: reset to active and rebooted");
        Ok(())
    }
}
