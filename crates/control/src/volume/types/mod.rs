//! The verbs of volume types, one a file. There are few types, so they are filtered and sorted here.

mod access;
mod create_type;
mod default_types;
mod delete_type;
mod extra_specs;
mod find_type;
mod list_types;
mod update_type;

pub use create_type::NewVolumeType;
pub use find_type::{default_type, find_type, usable_type};
pub use list_types::TypeQuery;
pub use update_type::TypeChanges;

use super::VolumeSettings;
use hatchery_ports::clock::Clock;
use hatchery_ports::entropy::Entropy;
use hatchery_ports::store::Store;
use std::sync::Arc;

/// What Cinder calls it in its sentences.
const KIND: &str = "Volume type";

/// `/types`
#[derive(Clone)]
pub struct VolumeTypeVerbs {
    /// The database.
    pub store: Arc<dyn Store>,
    /// Time of day.
    pub clock: Arc<dyn Clock>,
    /// Ids.
    pub entropy: Arc<dyn Entropy>,
    /// Which type is the default.
    pub settings: Arc<VolumeSettings>,
}
