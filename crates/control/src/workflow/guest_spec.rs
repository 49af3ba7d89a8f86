//! All that an agent needs to make a guest, gathered in the transaction that sends it.

use crate::error::Error;
use crate::network::network_spec;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hatchery_model::compute::{GuestMetadata, GuestNic, GuestSpec, RootDisk, Server};
use hatchery_model::generation::Generation;
use hatchery_model::id::NetworkId;
use hatchery_model::network::{NetworkSpec, NicAddress, Port};
use hatchery_model::timestamp::Timestamp;
use hatchery_ports::entropy::Entropy;
use hatchery_ports::store::{PortFilter, UnitOfWork};
use std::collections::BTreeMap;

/// Bytes of randomness that a guest starts with, as in Nova.
const SEED_LENGTH: usize = 512;

/// The spec of a server's guest for the order with this generation.
///
/// `NotFound`: a port or network of the server is gone.
pub(super) async fn gather(
    uow: &mut dyn UnitOfWork,
    entropy: &dyn Entropy,
    now: Timestamp,
    server: &Server,
    generation: Generation,
    root: RootDisk,
) -> Result<GuestSpec, Error> {
    let nics = gather_nics(uow, entropy, now, server).await?;
    Ok(GuestSpec {
        server: server.id,
        generation,
        name: format!("instance-{:08x}", server.number),
        vcpus: server.flavor.vcpus,
        memory_mib: server.flavor.memory_mib,
        root,
        nics,
        metadata: metadata(entropy, server),
        config_drive: server.config_drive,
    })
}

fn metadata(entropy: &dyn Entropy, server: &Server) -> GuestMetadata {
    let mut seed = vec![0; SEED_LENGTH];
    entropy.fill(&mut seed);
    GuestMetadata {
        name: server.name.clone(),
        hostname: server.hostname.clone(),
        project: server.project.clone(),
        availability_zone: server.availability_zone.clone().unwrap_or_default(),
        launch_index: server.launch_index,
        keys: server
            .keypair
            .iter()
            .map(|pair| (pair.name.clone(), pair.public_key.clone()))
            .collect(),
        meta: server.metadata.clone(),
        user_data: server.user_data.clone(),
        random_seed: STANDARD.encode(seed),
    }
}

async fn gather_nics(
    uow: &mut dyn UnitOfWork,
    entropy: &dyn Entropy,
    now: Timestamp,
    server: &Server,
) -> Result<Vec<GuestNic>, Error> {
    if server.nics.is_empty() {
        return Ok(Vec::new());
    }
    let ports = ports_of(uow, server).await?;
    let mut networks: BTreeMap<NetworkId, NetworkSpec> = BTreeMap::new();
    let mut nics = Vec::with_capacity(server.nics.len());
    for nic in &server.nics {
        let port = ports
            .iter()
            .find(|port| port.id == nic.port)
            .ok_or_else(|| Error::not_found("Port", nic.port))?;
        let network = match networks.get(&nic.network) {
            Some(network) => network.clone(),
            None => {
                let network = network_spec(uow, entropy, now, nic.network).await?;
                networks.insert(nic.network, network.clone());
                network
            }
        };
        nics.push(GuestNic {
            port: port.id,
            network,
            mac: port.mac,
            addresses: addresses(port),
            port_security: port.port_security,
        });
    }
    Ok(nics)
}

fn addresses(port: &Port) -> Vec<NicAddress> {
    port.fixed_ips
        .iter()
        .map(|fixed| NicAddress {
            subnet: fixed.subnet,
            address: fixed.address,
        })
        .collect()
}

/// The ports that are plugged into a server.
pub(crate) async fn ports_of(
    uow: &mut dyn UnitOfWork,
    server: &Server,
) -> Result<Vec<Port>, Error> {
    let filter = PortFilter {
        device_id: Some(server.id.to_string()),
        ..PortFilter::default()
    };
    Ok(uow.ports().list(&filter).await?)
}
