//! The one room where the wires are joined: settings become plugs, plugs go into verbs, verbs behind doors.

mod backend;
mod compute;
mod disks;
mod host;
mod identity;
mod image;
mod network;
mod pool;
mod volume;
pub mod warm;

pub use host::{hypervisor, network as network_driver, qemu_user};

use crate::clock::SystemClock;
use crate::config::Config;
use crate::entropy::SystemEntropy;
use crate::metrics::{Depths, Metrics};
use crate::state_dir::StateDir;
use anyhow::Context;
use hatchery_agent::Agent;
use hatchery_api::Router;
use hatchery_api::http::request_id::MakeRequestId;
use hatchery_api::http::root::{Services, join};
use hatchery_bus::InProcessBus;
use hatchery_control::compute::HealBook;
use hatchery_control::identity::CheckToken;
use hatchery_control::volume::VolumeSettings;
use hatchery_control::workflow::{Outgoing, Wake};
use hatchery_db::Database;
use hatchery_model::id::RequestId;
use hatchery_ports::bus::{Bus, Subscription};
use hatchery_ports::clock::Clock;
use hatchery_ports::entropy::{Entropy, random_uuid};
use hatchery_ports::store::Store;
use hatchery_ports::transfers::Transfers;
use hatchery_storage::LiveTransfers;
use std::sync::Arc;
use tokio::task::JoinHandle;

/// What every part is given.
#[derive(Clone)]
pub struct Ground {
    pub state: StateDir,
    pub config: Config,
    /// `http://host:port`
    pub base: String,
    pub database: Arc<Database>,
    pub store: Arc<dyn Store>,
    pub bus: Arc<dyn Bus>,
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<dyn Entropy>,
    /// What is moving in this process.
    pub transfers: Arc<dyn Transfers>,
    /// What this process measures.
    pub metrics: Metrics,
    /// Wakes the task runner.
    pub tasks: Wake,
    /// Wakes the outbox's relay.
    pub outbox: Wake,
    /// To the outbox's relay.
    pub outgoing: Outgoing,
    /// What is set of the volume service.
    pub volume_settings: Arc<VolumeSettings>,
    /// When which base was put back.
    pub healed: HealBook,
}

/// A running cloud. Dropping it ends its tasks; guests go on running.
pub struct Cloud {
    /// Every door.
    pub router: Router,
    /// This host's agent.
    pub agent: Agent,
    _intake: Subscription,
    tasks: Vec<JoinHandle<()>>,
}

impl Drop for Cloud {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

/// Joins everything, and makes what the first start needs.
pub async fn cloud(
    state: &StateDir,
    config: &Config,
    base: &str,
    password: &str,
) -> anyhow::Result<Cloud> {
    let ground = ground(state, config, base).await?;
    let identity = identity::join(&ground, password).await?;
    let check = identity.check;
    let (image, pool) = image::join(&ground, check.clone()).await?;
    let network = network::join(&ground, check.clone(), &identity.admin_project).await?;
    let volume = volume::join(&ground, check.clone()).await?;
    let compute = compute::join(&ground, check, image.steps, pool.verbs).await?;
    let agent = host::start(&ground).await?;
    let keeper = tokio::spawn(async move { pool.keeper.run().await });
    let services = Services {
        identity: identity.router,
        image: image.router,
        compute: compute.router,
        network,
        volume,
        metrics: config.metrics.enabled.then(|| ground.metrics.reader()),
    };
    let mut tasks: Vec<_> = compute.tasks.into_iter().chain(image.tasks).collect();
    tasks.push(ground.metrics.keep());
    tasks.push(keeper);
    Ok(Cloud {
        router: join(services, request_ids(ground.entropy.clone())),
        agent,
        _intake: compute.intake,
        tasks,
    })
}

async fn ground(state: &StateDir, config: &Config, base: &str) -> anyhow::Result<Ground> {
    let url = format!("sqlite:{}", state.join("hatchery.db").display());
    let database = Arc::new(Database::open(&url).await.context("the database cannot be opened")?);
    let outbox = Wake::default();
    let bases = vec![state.join("pool/imagecache"), state.join("instances/_base")];
    let metrics = Metrics::install(Some(Depths::new(database.clone(), bases)))?;
    Ok(Ground {
        state: state.clone(),
        config: config.clone(),
        base: base.to_owned(),
        store: database.clone(),
        database,
        bus: Arc::new(InProcessBus::new()),
        metrics,
        transfers: Arc::new(LiveTransfers::new(Arc::new(SystemClock))),
        clock: Arc::new(SystemClock),
        entropy: Arc::new(SystemEntropy),
        tasks: Wake::default(),
        volume_settings: volume::settings(config)?,
        outgoing: Outgoing::new(outbox.clone()),
        healed: HealBook::new(SystemClock.now()),
        outbox,
    })
}

/// Request ids drawn from the machine's randomness.
fn request_ids(entropy: Arc<dyn Entropy>) -> MakeRequestId {
    Arc::new(move || RequestId(format!("req-{}", random_uuid(entropy.as_ref()))))
}

/// The part of identity that other services need.
type Check = Arc<dyn CheckToken>;
