//! All use cases of networks, joined with the ports that they use.

use super::create_network::{NewNetwork, create_networks};
use super::create_port::{NewPort, create_ports};
use super::create_subnet::{NewSubnet, create_subnets};
use super::delete_network::delete_network;
use super::delete_port::delete_port;
use super::delete_subnet::delete_subnet;
use super::find::{
    PortQuery, SubnetUse, find_network, find_port, find_subnet, list_networks, list_ports,
    list_subnets, subnet_use,
};
use super::refusal::Refusal;
use super::update_network::{NetworkPatch, update_network};
use super::update_port::{PortPatch, update_port};
use super::update_subnet::{SubnetPatch, update_subnet};
use crate::error::Error;
use hatchery_model::caller::Caller;
use hatchery_model::id::{NetworkId, PortId, SubnetId};
use hatchery_model::network::{Network, Port, Subnet};
use hatchery_ports::clock::Clock;
use hatchery_ports::entropy::Entropy;
use hatchery_ports::store::Store;
use std::sync::Arc;

/// What the use cases of networks stand on.
#[derive(Clone)]
pub struct NetworkPorts {
    /// The database.
    pub store: Arc<dyn Store>,
    /// Time of day.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
}

/// One method a verb. Networks come with the ids of their subnets.
#[derive(Clone)]
pub struct NetworkVerbs(NetworkPorts);

#[allow(missing_docs)]
impl NetworkVerbs {
    /// Joins verbs and ports.
    pub fn new(ports: NetworkPorts) -> Self {
        Self(ports)
    }

    pub async fn create_networks(
        &self,
        caller: &Caller,
        wanted: Vec<NewNetwork>,
    ) -> Result<Vec<Network>, Refusal> {
        let NetworkPorts { store, clock, entropy } = &self.0;
        Ok(create_networks(&**store, &**entropy, clock.now(), caller, wanted).await?)
    }

    pub async fn network(
        &self,
        caller: &Caller,
        id: NetworkId,
    ) -> Result<(Network, Vec<SubnetId>), Refusal> {
        Ok(find_network(&*self.0.store, caller, id).await?)
    }

    pub async fn networks(
        &self,
        caller: &Caller,
    ) -> Result<Vec<(Network, Vec<SubnetId>)>, Refusal> {
        Ok(list_networks(&*self.0.store, caller).await?)
    }

    pub async fn update_network(
        &self,
        caller: &Caller,
        id: NetworkId,
        patch: NetworkPatch,
    ) -> Result<Network, Refusal> {
        update_network(&*self.0.store, self.0.clock.now(), caller, id, patch).await
    }

    pub async fn delete_network(&self, caller: &Caller, id: NetworkId) -> Result<(), Refusal> {
        delete_network(&*self.0.store, caller, id).await
    }

    pub async fn create_subnets(
        &self,
        caller: &Caller,
        wanted: Vec<NewSubnet>,
    ) -> Result<Vec<Subnet>, Refusal> {
        let NetworkPorts { store, clock, entropy } = &self.0;
        create_subnets(&**store, &**entropy, clock.now(), caller, wanted).await
    }

    pub async fn subnet(&self, caller: &Caller, id: SubnetId) -> Result<Subnet, Refusal> {
        Ok(find_subnet(&*self.0.store, caller, id).await?)
    }

    pub async fn subnets(&self, caller: &Caller) -> Result<Vec<Subnet>, Refusal> {
        Ok(list_subnets(&*self.0.store, caller).await?)
    }

    pub async fn update_subnet(
        &self,
        caller: &Caller,
        id: SubnetId,
        patch: SubnetPatch,
    ) -> Result<Subnet, Refusal> {
        let NetworkPorts { store, clock, entropy } = &self.0;
        update_subnet(&**store, &**entropy, clock.now(), caller, id, patch).await
    }

    pub async fn delete_subnet(&self, caller: &Caller, id: SubnetId) -> Result<(), Refusal> {
        delete_subnet(&*self.0.store, caller, id).await
    }

    pub async fn create_ports(
        &self,
        caller: &Caller,
        wanted: Vec<NewPort>,
    ) -> Result<Vec<Port>, Refusal> {
        let NetworkPorts { store, clock, entropy } = &self.0;
        create_ports(&**store, &**entropy, clock.now(), caller, wanted).await
    }

    pub async fn port(&self, caller: &Caller, id: PortId) -> Result<Port, Refusal> {
        Ok(find_port(&*self.0.store, caller, id).await?)
    }

    pub async fn ports(&self, caller: &Caller, query: PortQuery) -> Result<Vec<Port>, Refusal> {
        Ok(list_ports(&*self.0.store, caller, query).await?)
    }

    pub async fn update_port(
        &self,
        caller: &Caller,
        id: PortId,
        patch: PortPatch,
    ) -> Result<Port, Refusal> {
        update_port(&*self.0.store, self.0.clock.now(), caller, id, patch).await
    }

    pub async fn delete_port(&self, caller: &Caller, id: PortId) -> Result<(), Refusal> {
        delete_port(&*self.0.store, caller, id).await
    }

    /// How full subnets are; of all networks when none is named.
    pub async fn subnet_use(
        &self,
        caller: &Caller,
        id: Option<NetworkId>,
    ) -> Result<Vec<(Network, Vec<SubnetUse>)>, Error> {
        subnet_use(&*self.0.store, caller, id).await
    }
}
