//! What plugs guests into networks on a host.
//!
//! Contract. Called by the agent. Everything is idempotent by network or port id, and can be found again by
//! looking at the host. An interface lives as long as the descriptor in [`Tap`] is open; a network lives
//! until `remove_network`.

use crate::hypervisor::Tap;
use async_trait::async_trait;
use hatchery_model::compute::GuestNic;
use hatchery_model::id::{NetworkId, PortId};
use hatchery_model::network::NetworkSpec;

/// Why the network was not made.
#[derive(Debug, thiserror::Error)]
pub enum NetworkError {
    /// The specification can never work. The text is for the user.
    #[error("{0}")]
    Invalid(String),
    /// Something is missing on the host, and what to do about it.
    #[error("{0}")]
    Unsupported(String),
    /// The kernel or a helper process did not do it.
    #[error("the network driver cannot {doing}")]
    Unavailable {
        /// What was being done.
        doing: String,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
}

/// See the head of this file.
#[async_trait]
pub trait NetworkDriver: Send + Sync {
    /// Makes the network ready on this host: namespace, bridge, DHCP, metadata address. `Ok` when it is; brings
    /// it in line when the specification has changed.
    async fn ensure_network(&self, network: &NetworkSpec) -> Result<(), NetworkError>;

    /// Plugs a port of a network that is ready: DHCP knows it, its tap is on the bridge. A tap of that port that
    /// is there already is replaced.
    async fn plug(&self, nic: &GuestNic) -> Result<Tap, NetworkError>;

    /// Forgets a port. `Ok` when it was not plugged.
    async fn unplug(&self, network: NetworkId, port: PortId) -> Result<(), NetworkError>;

    /// Removes all that `ensure_network` made. `Ok` when there is nothing.
    async fn remove_network(&self, network: NetworkId) -> Result<(), NetworkError>;

    /// Networks that are on this host.
    async fn list_networks(&self) -> Result<Vec<NetworkId>, NetworkError>;
}
