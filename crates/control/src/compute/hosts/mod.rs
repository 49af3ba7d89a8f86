//! The verbs of hosts, as `os-hypervisors`, `os-services` and `os-availability-zone` show them. One a file.

mod list_hosts;
mod list_zones;
mod set_disabled;

pub use list_hosts::HostStatus;
pub use list_zones::Zone;

use super::ComputeSettings;
use hatchery_ports::clock::Clock;
use hatchery_ports::store::Store;
use std::sync::Arc;

/// See the head of this file.
#[derive(Clone)]
pub struct HostVerbs {
    /// The database.
    pub store: Arc<dyn Store>,
    /// Time of day.
    pub clock: Arc<dyn Clock>,
    /// What the operator has set.
    pub settings: Arc<ComputeSettings>,
}
