//! All that an agent needs to make a guest, gathered from rows read in the transaction that sends it.

use crate::error::Error;
use crate::network::{network_spec, spec_of};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hatchery_model::compute::{GuestMetadata, GuestNic, GuestSpec, RootDisk, Server, ServerNic};
use hatchery_model::generation::Generation;
use hatchery_model::id::NetworkId;
use hatchery_model::network::{NetworkSpec, NicAddress, Port};
use hatchery_model::timestamp::Timestamp;
use hatchery_model::volume::GuestVolume;
use hatchery_ports::entropy::Entropy;
use hatchery_ports::store::{NetworkRows, PortFilter, UnitOfWork};
use std::collections::BTreeMap;

/// Bytes of randomness that a guest starts with, as in Nova.
const SEED_LENGTH: usize = 512;

/// Networks as hosts have to know them.
pub(crate) type Specs = BTreeMap<NetworkId, NetworkSpec>;

/// What a server's interfaces are plugged into.
pub(crate) struct Plugged<'a> {
    pub(crate) ports: &'a [Port],
    /// The ports' networks.
    pub(crate) networks: &'a Specs,
}

/// The spec of a server's guest for the order with this generation. Pure, but for the seed.
///
/// `NotFound`: a port or network of the server is gone.
pub(super) fn gather(
    entropy: &dyn Entropy,
    server: &Server,
    generation: Generation,
    (root, volumes): (Option<RootDisk>, Vec<GuestVolume>),
    plugged: &Plugged<'_>,
) -> Result<GuestSpec, Error> {
    let nics = server.nics.iter().map(|nic| guest_nic(nic, plugged));
    Ok(GuestSpec {
        server: server.id,
        generation,
        name: format!("instance-{:08x}", server.number),
        vcpus: server.flavor.vcpus,
        memory_mib: server.flavor.memory_mib,
        root,
        volumes,
        nics: nics.collect::<Result<_, _>>()?,
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

fn guest_nic(nic: &ServerNic, plugged: &Plugged<'_>) -> Result<GuestNic, Error> {
    let port = plugged.ports.iter().find(|port| port.id == nic.port);
    let port = port.ok_or_else(|| Error::not_found("Port", nic.port))?;
    let network = plugged.networks.get(&nic.network);
    Ok(GuestNic {
        port: port.id,
        network: network.ok_or_else(|| Error::not_found("Network", nic.network))?.clone(),
        mac: port.mac,
        addresses: addresses(port),
        port_security: port.port_security,
    })
}

/// The specs of networks that have been read. Where a port is missing that serves one, it is made.
pub(super) async fn network_specs(
    uow: &mut dyn UnitOfWork,
    entropy: &dyn Entropy,
    now: Timestamp,
    networks: &[NetworkRows],
) -> Result<Specs, Error> {
    let mut specs = BTreeMap::new();
    for rows in networks {
        let id = rows.network.id;
        let spec = match spec_of(rows) {
            Some(spec) => spec,
            None => network_spec(uow, entropy, now, id).await?,
        };
        specs.insert(id, spec);
    }
    Ok(specs)
}

fn addresses(port: &Port) -> Vec<NicAddress> {
    port.fixed_ips
        .iter()
        .map(|fixed| NicAddress { subnet: fixed.subnet, address: fixed.address })
        .collect()
}

/// The ports that are plugged into a server.
pub(crate) async fn ports_of(
    uow: &mut dyn UnitOfWork,
    server: &Server,
) -> Result<Vec<Port>, Error> {
    let filter = PortFilter { device_id: Some(server.id.to_string()), ..PortFilter::default() };
    Ok(uow.ports().list(&filter).await?)
}
