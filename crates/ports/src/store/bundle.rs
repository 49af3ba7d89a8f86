//! Rows of several nouns that one step needs at once, each bundle read by one statement.
//!
//! Contract. Each part is what `find` or `list` of its noun would give in the same transaction, in the same order.

use super::StoreError;
use async_trait::async_trait;
use hatchery_model::compute::{Action, Flavor, Host, HostFacts, Keypair, Server};
use hatchery_model::id::{
    FlavorId, HostName, ImageId, NetworkId, ProjectId, RequestId, ServerId, SubnetId, UserId,
};
use hatchery_model::image::Image;
use hatchery_model::network::{Network, Port, Subnet};
use std::collections::BTreeMap;
use std::net::IpAddr;

/// What a request for servers names.
#[derive(Clone, Debug)]
pub struct RequestNames {
    /// An image.
    pub image: ImageId,
    /// A flavor.
    pub flavor: FlavorId,
    /// A user's key pair.
    pub keypair: Option<(UserId, String)>,
    /// Networks.
    pub networks: NetworkNames,
}

/// Which networks.
#[derive(Clone, Debug)]
pub enum NetworkNames {
    /// A project's own, and those that are shared.
    UsableBy(ProjectId),
    /// These.
    These(Vec<NetworkId>),
}

/// The rows that a request for servers names, as far as they are there, and every host.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct RequestRows {
    /// The image.
    pub image: Option<Image>,
    /// The flavor.
    pub flavor: Option<Flavor>,
    /// The key pair.
    pub keypair: Option<Keypair>,
    /// The networks.
    pub networks: Vec<NetworkRows>,
    /// All hosts.
    pub hosts: Vec<Host>,
    /// What else is known of them, for this image.
    pub facts: HostFacts,
}

/// A network with what serves it.
#[derive(Clone, PartialEq, Debug)]
pub struct NetworkRows {
    /// The network.
    pub network: Network,
    /// Its subnets.
    pub subnets: Vec<Subnet>,
    /// Its ports whose owner is `network:dhcp`.
    pub dhcp_ports: Vec<Port>,
    /// Of each subnet, the lowest addresses that are taken, if any are: most often they tell the lowest that is free. True until the next one is
    /// taken there.
    pub first_runs: BTreeMap<SubnetId, Option<TakenRun>>,
}

/// Taken addresses without a gap between them, as many as there are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TakenRun {
    /// The first of them.
    pub first: IpAddr,
    /// The free one after the last. `None`: the last is the last of all addresses.
    pub next: Option<IpAddr>,
}

/// What the search of a host for a server looks at.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct BuildRows {
    /// The server.
    pub server: Option<Server>,
    /// The action of the request.
    pub action: Option<Action>,
    /// The server's image.
    pub image: Option<Image>,
    /// The ports plugged into it.
    pub ports: Vec<Port>,
    /// Their networks.
    pub networks: Vec<NetworkRows>,
    /// All hosts.
    pub hosts: Vec<Host>,
    /// What else is known of them, for this image.
    pub facts: HostFacts,
}

/// What news of a guest change.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct GuestRows {
    /// The server.
    pub server: Option<Server>,
    /// The action of the request.
    pub action: Option<Action>,
    /// The ports plugged into it.
    pub ports: Vec<Port>,
}

/// What a host's report is compared with.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct HostRows {
    /// The host.
    pub host: Option<Host>,
    /// The servers that stand on it, deleted ones left out, newest first.
    pub servers: Vec<Server>,
}

/// See the head of this file.
#[async_trait]
pub trait Bundles: Send {
    /// For the checks of a request for servers, and for placing them.
    async fn find_request(&mut self, names: &RequestNames) -> Result<RequestRows, StoreError>;
    /// For the search of a host.
    async fn find_build(
        &mut self,
        server: ServerId,
        request: &RequestId,
    ) -> Result<BuildRows, StoreError>;
    /// For news of a guest.
    async fn find_guest(
        &mut self,
        server: ServerId,
        request: &RequestId,
    ) -> Result<GuestRows, StoreError>;
    /// For a host's report.
    async fn find_host(&mut self, name: &HostName) -> Result<HostRows, StoreError>;
    /// A network with what serves it.
    async fn find_network(&mut self, id: NetworkId) -> Result<Option<NetworkRows>, StoreError>;
}
