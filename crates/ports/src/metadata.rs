//! What a guest is told of itself, by the metadata service and on its config drive.

use crate::hypervisor::HypervisorError;
use async_trait::async_trait;
use hatchery_model::compute::GuestSpec;
use hatchery_model::id::NetworkId;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

/// Knows the guests of a host by their addresses. Called by the network driver's metadata door for each request, with the
/// network on which it came and the address that it came from, both taken from the connection and never from a header.
pub trait MetadataSource: Send + Sync {
    /// The guest with that address on that network, if there is one.
    fn find(&self, network: NetworkId, address: IpAddr) -> Option<Arc<GuestSpec>>;
}

/// Writes config drives. Called by the agent.
#[async_trait]
pub trait ConfigDrive: Send + Sync {
    /// Writes the drive of a guest to `path`, whole or not at all; replaces one that is there.
    async fn write(&self, guest: &GuestSpec, path: &Path) -> Result<(), HypervisorError>;
}
