//! Addresses are taken once and given back, against SQLite.

use super::serve_dhcp::dhcp_ports;
use super::{
    FirstNetwork, PortRequest, allocate_port, ensure_first_network, network_spec, release_port,
};
use crate::error::Error;
use hatchery_db::Database;
use hatchery_model::id::{NetworkId, ProjectId};
use hatchery_model::network::{Network, Port, PortStatus};
use hatchery_ports::clock::Clock;
use hatchery_ports::store::{Store, UnitOfWork};
use hatchery_testkit::{ManualClock, SeededEntropy};
use std::collections::BTreeSet;
use tempfile::TempDir;

struct Lab {
    store: Database,
    clock: ManualClock,
    entropy: SeededEntropy,
    network: NetworkId,
    _folder: TempDir,
}

impl Lab {
    /// With a first network of these addresses.
    async fn open(cidr: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("db").display());
        let store = Database::open(&url).await.unwrap();
        let (clock, entropy) = (ManualClock::default(), SeededEntropy::new(5));
        let wanted = FirstNetwork {
            cidr: cidr.parse().unwrap(),
            ..FirstNetwork::usual(ProjectId::from("ops"))
        };
        let network = ensure_first_network(&store, &entropy, clock.now(), wanted).await.unwrap();
        Self { store, clock, entropy, network, _folder: folder }
    }

    async fn allocate(&self, uow: &mut dyn UnitOfWork) -> Result<Port, Error> {
        let request = PortRequest {
            network: self.network,
            project: ProjectId::from("one"),
            name: String::new(),
            description: String::new(),
            mac: None,
            fixed_ips: None,
            device_id: "server".into(),
            device_owner: "compute:nova".into(),
            host: None,
            admin_state_up: true,
        };
        allocate_port(uow, &self.entropy, self.clock.now(), request).await
    }

    async fn record(&self) -> Network {
        let mut uow = self.store.read().await.unwrap();
        uow.networks().find(self.network).await.unwrap().unwrap()
    }
}

fn address(port: &Port) -> String {
    port.fixed_ips[0].address.to_string()
}

#[tokio::test]
async fn what_is_not_committed_was_not_taken() {
    let lab = Lab::open("10.0.0.0/24").await;
    let mut dropped = lab.store.begin().await.unwrap();
    let first = lab.allocate(&mut *dropped).await.unwrap();
    assert_eq!((address(&first).as_str(), first.status), ("10.0.0.3", PortStatus::Down));
    drop(dropped);
    let mut kept = lab.store.begin().await.unwrap();
    let again = lab.allocate(&mut *kept).await.unwrap();
    assert_eq!(address(&again), "10.0.0.3");
    kept.commit().await.unwrap();
    let mut uow = lab.store.begin().await.unwrap();
    assert_eq!(address(&lab.allocate(&mut *uow).await.unwrap()), "10.0.0.4");
    assert!(release_port(&mut *uow, again.id).await.unwrap());
    assert!(!release_port(&mut *uow, again.id).await.unwrap());
    assert_eq!(address(&lab.allocate(&mut *uow).await.unwrap()), "10.0.0.3");
}

#[tokio::test]
async fn every_address_is_given_once_and_then_there_is_none() {
    let lab = Lab::open("10.0.0.0/27").await;
    let mut seen = BTreeSet::new();
    // 30 addresses, less the gateway's and the one that DHCP is served from.
    for _ in 0..28 {
        let mut uow = lab.store.begin().await.unwrap();
        let port = lab.allocate(&mut *uow).await.unwrap();
        uow.commit().await.unwrap();
        assert!(seen.insert((address(&port), port.mac)));
    }
    let mut uow = lab.store.begin().await.unwrap();
    let error = lab.allocate(&mut *uow).await.unwrap_err();
    assert!(matches!(error, Error::Conflict(_)), "{error}");
}

#[tokio::test]
async fn a_hosts_view_of_a_network_only_reads_and_repairs_what_is_missing() {
    let lab = Lab::open("10.0.0.0/24").await;
    let now = lab.clock.now();
    let mut reading = lab.store.read().await.unwrap();
    let spec = network_spec(&mut *reading, &lab.entropy, now, lab.network).await.unwrap();
    drop(reading);
    assert_eq!((spec.host_access, spec.mtu), (true, lab.record().await.mtu));
    let subnet = &spec.subnets[0];
    assert_eq!(subnet.gateway.unwrap().to_string(), "10.0.0.1");
    assert_eq!(subnet.server_address.unwrap().to_string(), "10.0.0.2");
    let mut uow = lab.store.begin().await.unwrap();
    let serving = dhcp_ports(&mut *uow, lab.network).await.unwrap();
    assert_eq!(serving.len(), 1);
    assert!(release_port(&mut *uow, serving[0].id).await.unwrap());
    let repaired = network_spec(&mut *uow, &lab.entropy, now, lab.network).await.unwrap();
    assert_eq!(repaired, spec);
    assert_eq!(dhcp_ports(&mut *uow, lab.network).await.unwrap().len(), 1);
}

#[tokio::test]
async fn an_unknown_network_is_not_found() {
    let lab = Lab::open("10.0.0.0/24").await;
    let mut uow = lab.store.read().await.unwrap();
    let nowhere = NetworkId(hatchery_ports::entropy::random_uuid(&lab.entropy));
    let outcome = network_spec(&mut *uow, &lab.entropy, lab.clock.now(), nowhere).await;
    assert!(matches!(outcome, Err(Error::NotFound { kind: "Network", .. })));
}
