//! A network.

use crate::id::{NetworkId, ProjectId};
use crate::timestamp::Timestamp;
use serde::{Deserialize, Serialize};

/// A Neutron network.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Network {
    /// Its id.
    pub id: NetworkId,
    /// The project that owns it.
    pub project: ProjectId,
    /// Need not be unique.
    pub name: String,
    /// Free text.
    pub description: String,
    /// A network that is down carries nothing.
    pub admin_state_up: bool,
    /// Every project may put ports on it.
    pub shared: bool,
    /// `router:external`
    pub external: bool,
    /// Largest packet, in bytes.
    pub mtu: u32,
    /// `port_security_enabled`
    pub port_security: bool,
    /// Whether the host itself has the gateway's address on it, so that the host reaches the guests. For
    /// networks whose subnets do not overlap with others: the one of the first start, and external ones.
    pub host_access: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// Counts its changes.
    pub revision: i64,
}
