//! What a project may have of volumes: shown and set. One verb a file.

mod set_limits;
mod show_limits;

pub use show_limits::ProjectUse;

use super::VolumeSettings;
use hatchery_ports::store::Store;
use std::sync::Arc;

/// `/os-quota-sets`, `/os-quota-class-sets`, `/limits`
#[derive(Clone)]
pub struct QuotaVerbs {
    /// The database.
    pub store: Arc<dyn Store>,
    /// The limits of whoever has none of its own.
    pub settings: Arc<VolumeSettings>,
}
