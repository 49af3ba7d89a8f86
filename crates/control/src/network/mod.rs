//! Neutron's verbs, one a file.
//!
//! [`allocate`] is what a server create uses; the rest serves the door. Not here: bridges, DHCP and whatever else hosts make of a
//! network's specification.

mod access;
pub mod allocate;
mod create_network;
mod create_port;
mod create_subnet;
mod delete_network;
mod delete_port;
mod delete_subnet;
mod find;
mod first_network;
mod ranges;
mod refusal;
mod serve_dhcp;
mod subnet_layout;
mod take_addresses;
mod update_network;
mod update_port;
mod update_subnet;
mod verbs;

pub(crate) use allocate::allocate_on;
pub use allocate::{PortRequest, allocate_port, release_port};
pub use create_network::NewNetwork;
pub use create_port::NewPort;
pub use create_subnet::{NewSubnet, WantedGateway};
pub use find::{PortQuery, SubnetUse};
pub use first_network::{FirstNetwork, ensure_first_network};
pub use refusal::Refusal;
pub use serve_dhcp::network_spec;
pub(crate) use serve_dhcp::spec_of;
pub use update_network::NetworkPatch;
pub use update_port::PortPatch;
pub use update_subnet::SubnetPatch;
pub use verbs::{NetworkPorts, NetworkVerbs};

#[cfg(test)]
mod tests;
