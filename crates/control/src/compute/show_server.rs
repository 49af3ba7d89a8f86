//! Shows a server, with the addresses that it has.

use super::find_server;
use super::hosts::{HostStatus, HostVerbs};
use super::volumes::shown;
use crate::error::Error;
use hatchery_model::caller::Caller;
use hatchery_model::compute::Server;
use hatchery_model::id::{NetworkId, ServerId};
use hatchery_model::network::{MacAddress, Network, Port};
use hatchery_model::volume::Attachment;
use hatchery_ports::store::{PortFilter, Store, UnitOfWork};
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

/// `GET /servers/{id}`.
pub struct ShowServer {
    /// The database.
    pub store: Arc<dyn Store>,
    /// Its hosts.
    pub hosts: HostVerbs,
}

/// A server with what stands in other rows.
#[derive(Clone, Debug)]
pub struct ServerDetail {
    /// The server.
    pub server: Server,
    /// Its addresses, in the order of its interfaces.
    pub addresses: Vec<ServerAddress>,
    /// Its host, if it has one, and whether that is heard.
    pub host: Option<HostStatus>,
    /// What binds volumes to it, in the order in which they came.
    pub volumes: Vec<Attachment>,
}

/// One address of a server.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ServerAddress {
    /// Name of the network.
    pub network: String,
    /// Hardware address of the interface.
    pub mac: MacAddress,
    /// The address.
    pub address: IpAddr,
}

impl ShowServer {
    /// The server. Needs `reader` on its project; `NotFound` for others.
    pub async fn run(&self, caller: &Caller, id: ServerId) -> Result<ServerDetail, Error> {
        let mut uow = self.store.read().await?;
        let server = find_server::find(&mut *uow, caller, id).await?;
        let host = match &server.host {
            Some(name) => uow.hosts().find(name).await?,
            None => None,
        };
        let mut detailed = with_addresses(&mut *uow, vec![server]).await?;
        let mut detail = detailed.pop().ok_or_else(|| Error::not_found(find_server::KIND, id))?;
        detail.host = host.map(|host| self.hosts.status(host));
        Ok(detail)
    }
}

/// Above so many servers, the ports of their project are read together.
const PORTS_ONE_BY_ONE: usize = 8;

/// Adds the addresses to servers, in their order. Hosts are left out.
pub(super) async fn with_addresses(
    uow: &mut dyn UnitOfWork,
    servers: Vec<Server>,
) -> Result<Vec<ServerDetail>, Error> {
    let ports = ports_of(uow, &servers).await?;
    let mut names: HashMap<NetworkId, String> = HashMap::new();
    if !ports.is_empty() {
        let networks: Vec<Network> = uow.networks().list(None).await?;
        names.extend(networks.into_iter().map(|network| (network.id, network.name)));
    }
    let mut volumes = volumes_of(uow, &servers).await?;
    let detailed = servers.into_iter().map(|server| {
        let addresses = addresses(&server, &ports, &names);
        let volumes = volumes.remove(&server.id).unwrap_or_default();
        ServerDetail { server, addresses, host: None, volumes }
    });
    Ok(detailed.collect())
}

/// What binds volumes to servers, by the server.
async fn volumes_of(
    uow: &mut dyn UnitOfWork,
    servers: &[Server],
) -> Result<HashMap<ServerId, Vec<Attachment>>, Error> {
    let mut by_server: HashMap<ServerId, Vec<Attachment>> = HashMap::new();
    let Some(first) = servers.first() else { return Ok(by_server) };
    let one_project = servers.iter().all(|server| server.project == first.project);
    let all = match (servers, one_project) {
        ([one], _) => uow.attachments().list(None, None, Some(one.id)).await?,
        (_, true) => uow.attachments().list(Some(&first.project), None, None).await?,
        (_, false) => uow.attachments().list(None, None, None).await?,
    };
    for attachment in shown(all) {
        if let Some(server) = attachment.server {
            by_server.entry(server).or_default().push(attachment);
        }
    }
    Ok(by_server)
}

fn addresses(
    server: &Server,
    ports: &HashMap<String, Vec<Port>>,
    names: &HashMap<NetworkId, String>,
) -> Vec<ServerAddress> {
    let Some(own) = ports.get(&server.id.to_string()) else {
        return Vec::new();
    };
    let in_order = |port: &&Port| {
        let place = server.nics.iter().position(|nic| nic.port == port.id);
        place.unwrap_or(usize::MAX)
    };
    let mut own: Vec<&Port> = own.iter().collect();
    own.sort_by_key(in_order);
    own.into_iter()
        .flat_map(|port| {
            let network = names.get(&port.network).cloned();
            let network = network.unwrap_or_else(|| port.network.to_string());
            port.fixed_ips.iter().map(move |fixed| ServerAddress {
                network: network.clone(),
                mac: port.mac,
                address: fixed.address,
            })
        })
        .collect()
}

/// The ports of servers, by the server's id as a port's `device_id` has it.
async fn ports_of(
    uow: &mut dyn UnitOfWork,
    servers: &[Server],
) -> Result<HashMap<String, Vec<Port>>, Error> {
    let mut ports = Vec::new();
    let plugged: Vec<&Server> = servers.iter().filter(|s| !s.nics.is_empty()).collect();
    let one_project = plugged.windows(2).all(|pair| pair[0].project == pair[1].project);
    match plugged.first() {
        Some(first) if one_project && plugged.len() > PORTS_ONE_BY_ONE => {
            let filter =
                PortFilter { project: Some(first.project.clone()), ..PortFilter::default() };
            ports = uow.ports().list(&filter).await?;
        }
        Some(_) | None => {
            for server in plugged {
                let filter =
                    PortFilter { device_id: Some(server.id.to_string()), ..PortFilter::default() };
                ports.extend(uow.ports().list(&filter).await?);
            }
        }
    }
    let mut by_device: HashMap<String, Vec<Port>> = HashMap::new();
    for port in ports {
        by_device.entry(port.device_id.clone()).or_default().push(port);
    }
    Ok(by_device)
}
