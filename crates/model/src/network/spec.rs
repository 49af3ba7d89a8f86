//! A network as a host has to build it.

use super::HostRoute;
use crate::id::{NetworkId, SubnetId};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// What a host needs to know of a network to serve guests on it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct NetworkSpec {
    /// The network.
    pub id: NetworkId,
    /// Largest packet, in bytes.
    pub mtu: u32,
    /// Whether the host itself takes the gateway's address.
    pub host_access: bool,
    /// Its subnets.
    pub subnets: Vec<SubnetSpec>,
}

/// A subnet as a host has to serve it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SubnetSpec {
    /// The subnet.
    pub id: SubnetId,
    /// Its addresses.
    pub cidr: IpNet,
    /// The router's address.
    pub gateway: Option<IpAddr>,
    /// Whether this host hands out addresses.
    pub dhcp: bool,
    /// The address from which DHCP and metadata are served here (a port with owner `network:dhcp` keeps it).
    pub server_address: Option<IpAddr>,
    /// Name servers told by DHCP.
    pub dns: Vec<IpAddr>,
    /// Routes told by DHCP.
    pub host_routes: Vec<HostRoute>,
}

/// An address of an interface.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct NicAddress {
    /// The subnet.
    pub subnet: SubnetId,
    /// The address.
    pub address: IpAddr,
}
