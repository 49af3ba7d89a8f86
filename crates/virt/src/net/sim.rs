//! A network driver that makes nothing: for the `sim` hypervisor, whose guests have no packets to send.

use super::names;
use super::spec;
use async_trait::async_trait;
use hatchery_model::compute::GuestNic;
use hatchery_model::id::{NetworkId, PortId};
use hatchery_model::network::NetworkSpec;
use hatchery_ports::hypervisor::Tap;
use hatchery_ports::network_driver::{NetworkDriver, NetworkError};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Remembers what it was told, refuses what the real driver refuses, and hands out taps without a device. What it
/// remembers is gone with the process, as a host's networks are gone with its power.
#[derive(Debug, Default)]
pub struct SimNetworkDriver(Mutex<BTreeMap<NetworkId, BTreeSet<PortId>>>);

impl SimNetworkDriver {
    fn networks(&self) -> MutexGuard<'_, BTreeMap<NetworkId, BTreeSet<PortId>>> {
        // Each change is one insert or remove.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl NetworkDriver for SimNetworkDriver {
    async fn ensure_network(&self, network: &NetworkSpec) -> Result<(), NetworkError> {
        spec::served(network)?;
        self.networks().entry(network.id).or_default();
        Ok(())
    }

    async fn plug(&self, nic: &GuestNic) -> Result<Tap, NetworkError> {
        match self.networks().get_mut(&nic.network.id) {
            Some(ports) => ports.insert(nic.port),
            None => return Err(not_ready(nic.network.id)),
        };
        Ok(Tap { name: names::tap(nic.port), device: None })
    }

    async fn unplug(&self, network: NetworkId, port: PortId) -> Result<(), NetworkError> {
        if let Some(ports) = self.networks().get_mut(&network) {
            ports.remove(&port);
        }
        Ok(())
    }

    async fn remove_network(&self, network: NetworkId) -> Result<(), NetworkError> {
        self.networks().remove(&network);
        Ok(())
    }

    async fn list_networks(&self) -> Result<Vec<NetworkId>, NetworkError> {
        Ok(self.networks().keys().copied().collect())
    }
}

/// The answer to plugging into a network that nobody has made.
pub(super) fn not_ready(network: NetworkId) -> NetworkError {
    NetworkError::Unavailable {
        doing: format!("plug into network {network}"),
        source: io::Error::new(io::ErrorKind::NotFound, "it has not been made ready on this host"),
    }
}
