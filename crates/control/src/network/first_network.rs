//! The network that is there at first start, so that a server can be created without making one.

use super::create_network::DEFAULT_MTU;
use super::create_subnet::{NewSubnet, WantedGateway, insert_subnet};
use crate::error::Error;
use hatchery_model::id::{NetworkId, ProjectId};
use hatchery_model::network::Network;
use hatchery_model::timestamp::Timestamp;
use hatchery_ports::entropy::{Entropy, random_uuid};
use hatchery_ports::store::Store;
use ipnet::IpNet;
use std::net::IpAddr;

/// The name under which its id is kept, so that an administrator who deletes it does not find it again.
const SETTING: &str = "network.first";

/// What the first network is like.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub struct FirstNetwork {
    pub project: ProjectId,
    pub name: String,
    pub subnet_name: String,
    pub cidr: IpNet,
    pub dns: Vec<IpAddr>,
}

impl FirstNetwork {
    /// `private` with `private-subnet`, 10.100.0.0/20, without name servers.
    pub fn usual(project: ProjectId) -> Self {
        Self {
            project,
            name: "private".into(),
            subnet_name: "private-subnet".into(),
            cidr: IpNet::V4(ipnet::Ipv4Net::new_assert(std::net::Ipv4Addr::new(10, 100, 0, 0), 20)),
            dns: Vec::new(),
        }
    }
}

/// Makes it, once in the life of a database: shared, with DHCP, the gateway on the first address, and that address on the host itself. The
/// id of the network that was made, now or then.
pub async fn ensure_first_network(
    store: &dyn Store,
    entropy: &dyn Entropy,
    now: Timestamp,
    wanted: FirstNetwork,
) -> Result<NetworkId, Error> {
    let mut uow = store.begin().await?;
    if let Some(id) = uow.settings().find(SETTING).await? {
        return id.parse().map_err(|error| Error::Internal { source: Box::new(error) });
    }
    let network = Network {
        id: NetworkId(random_uuid(entropy)),
        project: wanted.project.clone(),
        name: wanted.name,
        description: String::new(),
        admin_state_up: true,
        shared: true,
        external: false,
        mtu: DEFAULT_MTU,
        port_security: true,
        host_access: true,
        created_at: now,
        updated_at: now,
        revision: 1,
    };
    uow.networks().insert(&network).await?;
    let subnet = NewSubnet {
        network: network.id,
        project: None,
        name: wanted.subnet_name,
        description: String::new(),
        ip_version: None,
        cidr: wanted.cidr,
        gateway: WantedGateway::Usual,
        dhcp: true,
        dns: wanted.dns,
        pools: None,
        host_routes: Vec::new(),
    };
    insert_subnet(&mut *uow, entropy, now, &network, wanted.project, subnet).await?;
    uow.settings().put(SETTING, &network.id.to_string()).await?;
    uow.commit().await?;
    Ok(network.id)
}
