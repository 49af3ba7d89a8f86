//! Why a network use case refuses. Neutron's clients read the kind of a refusal (`NeutronError.type`), so that each kind has
//! a variant here; other services see them as [`Error`].

use crate::error::Error;
use hatchery_model::id::{NetworkId, PortId, SubnetId};
use hatchery_model::network::MacAddress;
use hatchery_ports::store::StoreError;
use std::net::IpAddr;

/// A refusal that Neutron has a name for, or any other failure.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// 400: a value cannot be what it is.
    #[error("Invalid input for operation: {0}.")]
    InvalidInput(String),
    /// 400: the address is in none of the network's subnets, or not in the one named.
    #[error("{address} is not an address that a port on network {network} can have.")]
    InvalidIpForNetwork {
        /// What was asked for.
        address: IpAddr,
        /// On which network.
        network: NetworkId,
    },
    /// 400: a range of an allocation pool is outside of its subnet, or backwards.
    #[error("The allocation pool {0} is not valid: it has to run upwards within the subnet.")]
    InvalidAllocationPool(String),
    /// 409: two allocation pools share an address.
    #[error("The allocation pools {0} overlap; give ranges that share no address.")]
    OverlappingAllocationPools(String),
    /// 409: the gateway would be handed out.
    #[error("The gateway {0} is in an allocation pool; take it out of the pool.")]
    GatewayConflictWithAllocationPools(IpAddr),
    /// 409: the address belongs to another port.
    #[error("IP address {address} is taken already in subnet {subnet}.")]
    IpAddressAlreadyAllocated {
        /// The address.
        address: IpAddr,
        /// Its subnet.
        subnet: SubnetId,
    },
    /// 409: no pool of the network has an address left.
    #[error("No more IP addresses are available on network {0}.")]
    IpAddressGenerationFailure(NetworkId),
    /// 409: the hardware address belongs to another port of the network.
    #[error("The MAC address {mac} is in use already on network {network}.")]
    MacAddressInUse {
        /// The address.
        mac: MacAddress,
        /// The network.
        network: NetworkId,
    },
    /// 409: ports keep the network from going.
    #[error("Network {0} has ports; delete them first.")]
    NetworkInUse(NetworkId),
    /// 409: ports keep the subnet from going.
    #[error("Subnet {0} has addresses in use; delete their ports first.")]
    SubnetInUse(SubnetId),
    /// 409: the network cannot stop being shared while others have ports on it.
    #[error("Network {0} is in use by other projects; it cannot stop being shared.")]
    InvalidSharedSetting(NetworkId),
    /// 409: a port of this owner is the service's own.
    #[error("Port {port} belongs to {owner}; it goes together with what it serves.")]
    ServicePortInUse {
        /// The port.
        port: String,
        /// Its `device_owner`.
        owner: String,
    },
    /// 409: a guest has been told of the port's addresses.
    #[error("Port {0} is bound to a host; its addresses cannot change while it is.")]
    PortBound(PortId),
    /// 409: a guest is plugged into the port.
    #[error("Port {port} is used by {device}; delete that first.")]
    PortInUse {
        /// The port.
        port: PortId,
        /// What uses it.
        device: String,
    },
    /// 400: too many name servers.
    #[error("A subnet has {0} name servers at the most.")]
    DnsNameServersExhausted(usize),
    /// 400: too many routes.
    #[error("A subnet has {0} host routes at the most.")]
    HostRoutesExhausted(usize),
    /// 412: someone else has changed it meanwhile.
    #[error("Constraint revision_number={wanted} does not hold: the revision is {present} now.")]
    RevisionNumberConstraintFailed {
        /// What the client saw.
        wanted: i64,
        /// What there is.
        present: i64,
    },
    /// What has no name of its own.
    #[error(transparent)]
    Other(#[from] Error),
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        Self::Other(error.into())
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Other(error) => error,
            invalid @ (Refusal::InvalidInput(_)
            | Refusal::InvalidIpForNetwork { .. }
            | Refusal::InvalidAllocationPool(_)
            | Refusal::DnsNameServersExhausted(_)
            | Refusal::HostRoutesExhausted(_)) => Self::Invalid(invalid.to_string()),
            conflict @ (Refusal::OverlappingAllocationPools(_)
            | Refusal::GatewayConflictWithAllocationPools(_)
            | Refusal::IpAddressAlreadyAllocated { .. }
            | Refusal::IpAddressGenerationFailure(_)
            | Refusal::MacAddressInUse { .. }
            | Refusal::NetworkInUse(_)
            | Refusal::SubnetInUse(_)
            | Refusal::InvalidSharedSetting(_)
            | Refusal::RevisionNumberConstraintFailed { .. }
            | Refusal::PortBound(_)
            | Refusal::PortInUse { .. }
            | Refusal::ServicePortInUse { .. }) => Self::Conflict(conflict.to_string()),
        }
    }
}

/// Refuses a change that is meant for another revision.
pub(super) fn same_revision(wanted: Option<i64>, present: i64) -> Result<(), Refusal> {
    match wanted {
        Some(wanted) if wanted != present => {
            Err(Refusal::RevisionNumberConstraintFailed { wanted, present })
        }
        Some(_) | None => Ok(()),
    }
}
