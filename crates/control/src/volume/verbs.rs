//! What the verbs of volumes stand on.

use super::settings::VolumeSettings;
use crate::workflow::Outgoing;
use hatchery_ports::clock::Clock;
use hatchery_ports::entropy::Entropy;
use hatchery_ports::store::Store;
use std::sync::Arc;

/// What the use cases of volumes are given.
#[derive(Clone)]
pub struct VolumePorts {
    /// The database.
    pub store: Arc<dyn Store>,
    /// Time of day.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
    /// To the relay, for orders to agents.
    pub outgoing: Outgoing,
    /// What the operator has set.
    pub settings: Arc<VolumeSettings>,
}

/// Cinder's verbs, one method each. The methods stand in the files of this folder.
#[derive(Clone)]
pub struct VolumeVerbs {
    pub(super) ports: VolumePorts,
}

impl VolumeVerbs {
    /// Joins verbs and ports.
    pub fn new(ports: VolumePorts) -> Self {
        Self { ports }
    }

    /// What the operator has set.
    pub fn settings(&self) -> &VolumeSettings {
        &self.ports.settings
    }
}
