//! The backends as Cinder's services: listed, kept away from new volumes, and their zones. One verb a file.

mod disabled;
mod list_backends;
mod list_zones;
mod set_disabled;

pub use disabled::disabled_backends;
pub use list_backends::{BackendService, is_backend_up};
pub use list_zones::VolumeZone;

use super::VolumeSettings;
use hatchery_ports::clock::Clock;
use hatchery_ports::store::Store;
use std::sync::Arc;

/// `/os-services`, `/scheduler-stats`, `/capabilities`, `/os-hosts`, `/os-availability-zone`
#[derive(Clone)]
pub struct VolumeServiceVerbs {
    /// The database.
    pub store: Arc<dyn Store>,
    /// Time of day.
    pub clock: Arc<dyn Clock>,
    /// What the operator has set.
    pub settings: Arc<VolumeSettings>,
}
