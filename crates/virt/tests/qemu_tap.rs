//! QEMU's driver and the network driver together: a tap handed over as a descriptor carries a guest's interface, lives as
//! long as the guest, and needs no privilege.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test says what it expects")]

mod qemu_fixture;

use hatchery_model::compute::{GuestNic, GuestSpec, PowerState};
use hatchery_model::id::{NetworkId, PortId};
use hatchery_model::network::{MacAddress, NetworkSpec};
use hatchery_ports::hypervisor::Hypervisor;
use hatchery_ports::metadata::MetadataSource;
use hatchery_ports::network_driver::NetworkDriver;
use hatchery_virt::net::{NetNsDriver, NetSettings};
use qemu_fixture::{QemuFixture, TICKING, new_uuid, until};
use std::fs;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

struct NoGuests;

impl MetadataSource for NoGuests {
    fn find(&self, _: NetworkId, _: IpAddr) -> Option<Arc<GuestSpec>> {
        None
    }
}

/// Names of the taps that a process has open.
fn taps_of(pid: u32) -> Vec<String> {
    let mut names = Vec::new();
    for entry in fs::read_dir(format!("/proc/{pid}/fdinfo")).unwrap() {
        let info = fs::read_to_string(entry.unwrap().path()).unwrap_or_default();
        names.extend(
            info.lines()
                .filter_map(|line| line.strip_prefix("iff:"))
                .map(|name| name.trim().to_owned()),
        );
    }
    names
}

#[tokio::test]
async fn a_tap_lives_in_its_guest_and_dies_with_it() {
    assert!(rustix::process::geteuid().is_root(), "this test needs root");
    let fixture = QemuFixture::new();
    let mut settings = NetSettings::new(fixture.home().join("networks"));
    settings.prefix = format!("hatchtap{}", std::process::id());
    let networks = NetNsDriver::new(settings, Arc::new(NoGuests)).unwrap();
    let network = NetworkSpec {
        id: NetworkId(new_uuid()),
        mtu: 1400,
        host_access: false,
        subnets: Vec::new(),
    };
    let nic = GuestNic {
        port: PortId(new_uuid()),
        network: network.clone(),
        mac: MacAddress::generated([1, 2, 3]),
        addresses: Vec::new(),
        port_security: true,
    };
    networks.ensure_network(&network).await.unwrap();
    let tap = networks.plug(&nic).await.unwrap();
    let name = tap.name.clone();

    let mut ready = fixture.guest_of(TICKING);
    ready.definition.nics = vec![(name.clone(), nic.mac, network.mtu)];
    let plug = fixture.driver(fixture.settings());
    let started = plug.start(&ready.definition, &ready.folder, vec![tap]).await;
    let guest = started.unwrap();
    assert_eq!(guest.power_state().await.unwrap(), PowerState::Running);
    assert_eq!(taps_of(guest.process_id().unwrap()), [name]);
    assert_eq!(taps_of(std::process::id()), Vec::<String>::new());
    let log = fs::read_to_string(ready.folder.join("qemu.log")).unwrap();
    assert_eq!(log.lines().count(), 1, "QEMU complains: {log}");

    guest.stop(Duration::ZERO).await.unwrap();
    networks.unplug(network.id, nic.port).await.unwrap();
    networks.remove_network(network.id).await.unwrap();
    let server = ready.definition.server;
    until("nothing is left", || qemu_fixture::processes_of(server).is_empty()).await;
}
