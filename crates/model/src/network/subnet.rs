//! A subnet.

use crate::id::{NetworkId, ProjectId, SubnetId};
use crate::timestamp::Timestamp;
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// A Neutron subnet.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Subnet {
    /// Its id.
    pub id: SubnetId,
    /// Its network.
    pub network: NetworkId,
    /// The project that owns it.
    pub project: ProjectId,
    /// Need not be unique.
    pub name: String,
    /// Free text.
    pub description: String,
    /// Its addresses.
    pub cidr: IpNet,
    /// The router's address.
    pub gateway: Option<IpAddr>,
    /// Whether addresses are handed out by DHCP.
    pub dhcp: bool,
    /// Name servers told by DHCP.
    pub dns: Vec<IpAddr>,
    /// Addresses that ports get when they ask for none.
    pub pools: Vec<AddressRange>,
    /// Routes told by DHCP.
    pub host_routes: Vec<HostRoute>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// Counts its changes.
    pub revision: i64,
}

/// Addresses from one to another, both included.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct AddressRange {
    /// The first.
    pub start: IpAddr,
    /// The last.
    pub end: IpAddr,
}

/// A route that guests are told of.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct HostRoute {
    /// Where to.
    pub destination: IpNet,
    /// By way of.
    pub next_hop: IpAddr,
}
