//! What an operator can set of an agent.

use hatchery_model::id::HostName;
use std::path::PathBuf;
use std::time::Duration;

/// An agent's settings.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The host's name (`[DEFAULT] host`).
    pub host: HostName,
    /// Where the guests' folders are (`instances_path`).
    pub instances_dir: PathBuf,
    /// Where orders about volumes are written down.
    pub volume_notes: PathBuf,
    /// Orders about volumes that are done at the same time.
    pub max_concurrent_volume_orders: usize,
    /// Between two reports when nothing changes.
    pub report_interval: Duration,
    /// Builds at once (`max_concurrent_builds`).
    pub max_concurrent_builds: usize,
    /// How long a network stays on the host after its last guest, so that the next one starts at once.
    pub network_linger: Duration,
    /// Bytes of a console's log that are kept.
    pub console_cap: u64,
}

impl Settings {
    /// Nova's defaults where it has them.
    pub fn new(host: HostName, instances_dir: PathBuf) -> Self {
        Self {
            host,
            volume_notes: instances_dir.join("_volume_orders"),
            max_concurrent_volume_orders: 10,
            instances_dir,
            report_interval: Duration::from_secs(10),
            max_concurrent_builds: 10,
            network_linger: Duration::from_secs(60),
            console_cap: 1 << 20,
        }
    }
}
