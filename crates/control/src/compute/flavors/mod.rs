//! The verbs of flavors, one a file.

mod create_flavor;
mod delete_flavor;
mod first_flavors;
mod list_flavors;
mod set_extra_specs;
mod show_flavor;
mod update_flavor;

pub use create_flavor::NewFlavor;
pub use first_flavors::ensure_first_flavors;
pub use list_flavors::FlavorQuery;

use hatchery_ports::entropy::Entropy;
use hatchery_ports::store::Store;
use std::sync::Arc;

/// What Nova calls it in its sentences.
const KIND: &str = "Flavor";

/// `/flavors`
#[derive(Clone)]
pub struct FlavorVerbs {
    /// The database.
    pub store: Arc<dyn Store>,
    /// Ids.
    pub entropy: Arc<dyn Entropy>,
}
