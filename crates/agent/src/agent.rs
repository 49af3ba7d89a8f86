//! The agent: what it is made of, how it starts, how it stops.

use crate::inbox::Inbox;
use crate::journal::Journal;
use crate::parts::Parts;
use crate::publisher::Publisher;
use crate::registry::Registry;
use crate::responder::Responder;
use crate::settings::Settings;
use crate::volume::{self, Volumes};
use crate::{adopt, base_cache, heartbeat, identity, networks};
use hatchery_model::id::HostId;
use hatchery_model::message::Address;
use hatchery_ports::bus::{BusError, Subscription};
use std::io;
use std::sync::Arc;
use tokio::sync::{RwLock, Semaphore, watch};
use tokio::task::JoinHandle;

/// Why an agent does not start.
#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    /// The instances' folder, or that of the orders about volumes, cannot be used.
    #[error("the folder {folder} cannot be used")]
    Folder {
        /// Which.
        folder: String,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The bus takes no subscription.
    #[error("the agent cannot listen on the bus")]
    Bus(#[from] BusError),
}

/// What the agent's tasks share.
pub(crate) struct Host {
    pub(crate) id: HostId,
    pub(crate) settings: Settings,
    pub(crate) parts: Parts,
    pub(crate) registry: Registry,
    pub(crate) journal: Journal,
    pub(crate) publisher: Publisher,
    pub(crate) volumes: Volumes,
    /// Builds at once.
    pub(crate) builds: Semaphore,
    /// Held for reading while a disk is made on a base, for writing while a base is let go.
    pub(crate) base_lock: RwLock<()>,
    /// Held for reading while a guest is plugged, for writing while a network is removed.
    pub(crate) network_lock: RwLock<()>,
    /// Turns true with the first report that has been taken.
    pub(crate) reported: watch::Sender<bool>,
}

/// A running agent. Dropping it ends the agent and leaves its guests running.
pub struct Agent {
    _inbox: Subscription,
    _responder: Subscription,
    tasks: Vec<JoinHandle<()>>,
    reported: watch::Receiver<bool>,
}

impl Agent {
    /// Finds the host's guests again, then takes orders. `registry` is the one that the network driver's metadata
    /// door asks.
    pub async fn start(
        settings: Settings,
        parts: Parts,
        registry: Registry,
    ) -> Result<Self, AgentError> {
        let dir = settings.instances_dir.clone();
        let folder = |source| AgentError::Folder { folder: dir.display().to_string(), source };
        std::fs::create_dir_all(&dir).map_err(folder)?;
        let id = identity::read_or_make(&dir, parts.entropy.as_ref()).map_err(folder)?;
        let volumes = Volumes::open(
            settings.volume_notes.clone(),
            parts.volumes.clone(),
            settings.max_concurrent_volume_orders,
        )
        .map_err(|source| AgentError::Folder {
            folder: settings.volume_notes.display().to_string(),
            source,
        })?;
        let publisher = Publisher {
            bus: parts.bus.clone(),
            clock: parts.clock.clone(),
            entropy: parts.entropy.clone(),
        };
        let host = Arc::new(Host {
            id,
            registry,
            journal: Journal::new(dir.clone()),
            publisher,
            volumes,
            builds: Semaphore::new(settings.max_concurrent_builds.max(1)),
            base_lock: RwLock::default(),
            network_lock: RwLock::default(),
            reported: watch::Sender::default(),
            settings,
            parts,
        });
        adopt::all(&host).await.map_err(folder)?;
        base_cache::sweep(&host).await;
        volume::resume(&host).await.map_err(folder)?;
        let address = Address::Host(host.settings.host.clone());
        let inbox = host.parts.bus.subscribe(address, Arc::new(Inbox(host.clone()))).await?;
        let name = host.settings.host.clone();
        let responder = host.parts.bus.respond(name, Arc::new(Responder(host.clone()))).await?;
        let tasks = vec![
            tokio::spawn(heartbeat::run(host.clone())),
            tokio::spawn(networks::remove_idle(host.clone())),
            tokio::spawn(volume::forget_gone(host.clone())),
            tokio::spawn(volume::sweep_backends(host.clone())),
        ];
        let reported = host.reported.subscribe();
        Ok(Self { _inbox: inbox, _responder: responder, tasks, reported })
    }

    /// Returns when the control plane knows this host, so that servers can be placed on it.
    pub async fn reported(&self) {
        let _ = self.reported.clone().wait_for(|reported| *reported).await;
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}
