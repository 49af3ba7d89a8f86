//! Neutron's rows.

use super::StoreError;
use async_trait::async_trait;
use hatchery_model::id::{NetworkId, PortId, ProjectId, SubnetId};
use hatchery_model::network::{MacAddress, Network, Port, Subnet};
use std::net::IpAddr;

/// Networks.
#[async_trait]
pub trait Networks: Send {
    /// By id.
    async fn find(&mut self, id: NetworkId) -> Result<Option<Network>, StoreError>;
    /// Those that a project sees: its own, shared and external ones, by name and id. `None`: all.
    async fn list(&mut self, seen_by: Option<&ProjectId>) -> Result<Vec<Network>, StoreError>;
    /// A new one.
    async fn insert(&mut self, network: &Network) -> Result<(), StoreError>;
    /// Replaces it.
    async fn update(&mut self, network: &Network) -> Result<(), StoreError>;
    /// Removes it.
    async fn delete(&mut self, id: NetworkId) -> Result<bool, StoreError>;
}

/// Subnets.
#[async_trait]
pub trait Subnets: Send {
    /// By id.
    async fn find(&mut self, id: SubnetId) -> Result<Option<Subnet>, StoreError>;
    /// Of a network, or all; by name and id.
    async fn list(&mut self, network: Option<NetworkId>) -> Result<Vec<Subnet>, StoreError>;
    /// A new one.
    async fn insert(&mut self, subnet: &Subnet) -> Result<(), StoreError>;
    /// Replaces it.
    async fn update(&mut self, subnet: &Subnet) -> Result<(), StoreError>;
    /// Removes it.
    async fn delete(&mut self, id: SubnetId) -> Result<bool, StoreError>;
}

/// Which ports.
#[derive(Clone, Debug, Default)]
pub struct PortFilter {
    /// Of this project. `None`: of all.
    pub project: Option<ProjectId>,
    /// On this network.
    pub network: Option<NetworkId>,
    /// Plugged into this.
    pub device_id: Option<String>,
    /// With this owner of the device.
    pub device_owner: Option<String>,
    /// With this hardware address.
    pub mac: Option<MacAddress>,
}

/// Ports.
#[async_trait]
pub trait Ports: Send {
    /// By id.
    async fn find(&mut self, id: PortId) -> Result<Option<Port>, StoreError>;
    /// Those that fit, by time made and id.
    async fn list(&mut self, filter: &PortFilter) -> Result<Vec<Port>, StoreError>;
    /// A new one; `Conflict` when its hardware address is taken on its network. Its addresses must have been taken with
    /// [`Addresses::insert`].
    async fn insert(&mut self, port: &Port) -> Result<(), StoreError>;
    /// Replaces it, by compare-and-set on its generation.
    async fn update(&mut self, port: &Port) -> Result<(), StoreError>;
    /// Removes it, with its addresses.
    async fn delete(&mut self, id: PortId) -> Result<bool, StoreError>;
}

/// Addresses taken in subnets: what makes an address belong to one port only.
#[async_trait]
pub trait Addresses: Send {
    /// Takes an address for a port; `Conflict` when it is taken.
    async fn insert(
        &mut self,
        subnet: SubnetId,
        address: IpAddr,
        port: PortId,
    ) -> Result<(), StoreError>;
    /// The lowest free address from `start` to `end`, both included.
    async fn find_free(
        &mut self,
        subnet: SubnetId,
        start: IpAddr,
        end: IpAddr,
    ) -> Result<Option<IpAddr>, StoreError>;
    /// Gives back all addresses of a port; says how many.
    async fn delete(&mut self, port: PortId) -> Result<u64, StoreError>;
    /// Taken addresses of a subnet, ascending, each with its port.
    async fn list(&mut self, subnet: SubnetId) -> Result<Vec<(IpAddr, PortId)>, StoreError>;
}
