//! A port.

use super::MacAddress;
use crate::generation::Generation;
use crate::id::{HostName, NetworkId, PortId, ProjectId, SubnetId};
use crate::timestamp::Timestamp;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// A Neutron port.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Port {
    /// Its id.
    pub id: PortId,
    /// Compare-and-set counter; `revision_number` shows it.
    pub generation: Generation,
    /// Its network.
    pub network: NetworkId,
    /// The project that owns it.
    pub project: ProjectId,
    /// Need not be unique.
    pub name: String,
    /// Free text.
    pub description: String,
    /// Hardware address, unique on its network.
    pub mac: MacAddress,
    /// Its addresses.
    pub fixed_ips: Vec<FixedIp>,
    /// What it is plugged into: a server's id, or nothing.
    pub device_id: String,
    /// `compute:nova`, `network:dhcp`, or nothing.
    pub device_owner: String,
    /// The host of its device.
    pub host: Option<HostName>,
    /// Whether it carries traffic.
    pub status: PortStatus,
    /// A port that is down carries nothing.
    pub admin_state_up: bool,
    /// `port_security_enabled`
    pub port_security: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// The owner of a port that keeps an address for DHCP and metadata.
pub const DHCP_OWNER: &str = "network:dhcp";

/// An address that a port has, unique in its subnet.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct FixedIp {
    /// The subnet.
    pub subnet: SubnetId,
    /// The address.
    pub address: IpAddr,
}

/// Whether a port carries traffic.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum PortStatus {
    /// `ACTIVE`
    Active,
    /// `DOWN`
    Down,
    /// `BUILD`
    Build,
}
