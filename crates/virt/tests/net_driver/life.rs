//! What outlives what: agents that die, servers that die, addresses that pass from one guest to another.

use crate::guest::FakeGuest;
use crate::spec;
use crate::world::{World, network, nic, open_nic, run};
use hatchery_model::compute::GuestNic;
use hatchery_model::id::PortId;
use hatchery_model::network::MacAddress;
use hatchery_ports::network_driver::NetworkDriver;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs::{self, Permissions};
use std::net::Ipv4Addr;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use uuid::Uuid;

/// Another port with the same address and another hardware address.
fn heir(nic: &GuestNic, number: u8) -> GuestNic {
    GuestNic {
        port: PortId(Uuid::from_u128(nic.port.0.as_u128() ^ u128::from(number) << 120)),
        mac: MacAddress::generated([0xaa, 0, number]),
        ..nic.clone()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_passes_from_one_guest_to_the_next() {
    let world = World::new();
    let network = network("10.81.0.0/24");
    world.driver.ensure_network(&network).await.unwrap();
    let first = nic(&network, 9);
    // Through which everything reaches the DHCP server.
    let open = open_nic(&network, 200);
    drop(world.driver.plug(&open).await.unwrap());
    for number in 1..12 {
        let nic = heir(&first, number);
        let tap = world.driver.plug(&nic).await.unwrap();
        let guest = FakeGuest::wire(&world, &nic);
        let told = guest.ask_dhcp();
        assert_eq!(told.expect("the new owner gets it")["ip"], "10.81.0.9/24", "guest {number}");
        // One is plugged while its forerunner is still there, as after a crash between two steps.
        if number % 3 != 0 {
            world.driver.unplug(network.id, nic.port).await.unwrap();
            let guest = FakeGuest::wire_with(&world, &open, nic.mac);
            assert!(guest.is_ignored(), "guest {number} has lost it");
        }
        drop(tap);
    }
    assert_eq!(world.servers(network.id).len(), 1);
    world.remove(network.id).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_that_changes_gets_its_new_address() {
    let world = World::new();
    let network = network("10.82.0.0/24");
    world.driver.ensure_network(&network).await.unwrap();
    let old = nic(&network, 9);
    let _tap = world.driver.plug(&old).await.unwrap();
    let guest = FakeGuest::wire(&world, &old);
    assert_eq!(guest.ask_dhcp().unwrap()["ip"], "10.82.0.9/24");
    let mut new = old.clone();
    new.addresses[0].address = Ipv4Addr::new(10, 82, 0, 10).into();
    let _tap = world.driver.plug(&new).await.unwrap();
    let guest = FakeGuest::wire(&world, &new);
    assert_eq!(guest.ask_dhcp().unwrap()["ip"], "10.82.0.10/24");
    world.remove(network.id).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_dhcp_server_comes_back() {
    let world = World::new();
    let network = network("10.83.0.0/24");
    world.driver.ensure_network(&network).await.unwrap();
    let nic = nic(&network, 9);
    let _tap = world.driver.plug(&nic).await.unwrap();
    let guest = FakeGuest::wire(&world, &nic);
    let before = world.servers(network.id);
    assert_eq!(before.len(), 1);
    kill(Pid::from_raw(before[0]), Signal::SIGKILL).unwrap();
    assert!(guest.is_ignored());
    world.driver.ensure_network(&network).await.unwrap();
    let after = world.servers(network.id);
    assert!(after.len() == 1 && after != before);
    assert_eq!(guest.ask_dhcp().unwrap()["ip"], "10.83.0.9/24");
    world.remove(network.id).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_but_the_metadata_outlives_the_agent() {
    let mut world = World::new();
    let network = network("10.84.0.0/24");
    world.driver.ensure_network(&network).await.unwrap();
    let nic = nic(&network, 9);
    world.guests.insert(network.id, nic.addresses[0].address, spec::guest(vec![nic.clone()]));
    let other = open_nic(&network, 10);
    drop(world.driver.plug(&nic).await.unwrap());
    let tap = world.driver.plug(&other).await.unwrap();
    let guest = FakeGuest::wire(&world, &nic);
    let servers = world.servers(network.id);
    let bridge = run("ip", &["-n", &world.namespace(network.id), "-o", "link", "show", "bridge"]);

    world.restart();
    assert_eq!(world.driver.list_networks().await.unwrap(), [network.id]);
    assert_eq!(guest.ask_dhcp().unwrap()["ip"], "10.84.0.9/24", "with no agent at all");
    world.driver.ensure_network(&network).await.unwrap();
    assert_eq!(world.servers(network.id), servers, "the server is adopted");
    let namespace = world.namespace(network.id);
    assert_eq!(run("ip", &["-n", &namespace, "-o", "link", "show", "bridge"]), bridge);
    let ports = run("ip", &["-n", &namespace, "-o", "link", "show", "master", "bridge"]);
    assert!(ports.contains(&tap.name), "the guest keeps its tap: {ports}");
    assert_eq!(guest.get("/latest/meta-data/hostname").await.1, "buro-1");

    world.restart();
    world.driver.unplug(network.id, nic.port).await.unwrap();
    let guest = FakeGuest::wire_with(&world, &other, nic.mac);
    assert!(guest.is_ignored());
    drop(tap);
    world.remove(network.id).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tap_lives_as_long_as_its_descriptor() {
    let world = World::new();
    let network = network("10.85.0.0/24");
    world.driver.ensure_network(&network).await.unwrap();
    let nic = nic(&network, 9);
    let namespace = world.namespace(network.id);
    let links = || run("ip", &["-n", &namespace, "-o", "link"]);
    let tap = world.driver.plug(&nic).await.unwrap();
    assert_eq!(tap.name, format!("tap{}", &nic.port.to_string()[..11]));
    let line = run("ip", &["-n", &namespace, "-o", "link", "show", &tap.name]);
    assert!(
        line.contains("mtu 1400") && line.contains("master bridge") && line.contains("UP"),
        "{line}"
    );
    drop(tap);
    assert!(!links().contains(": tap"));
    let first = world.driver.plug(&nic).await.unwrap();
    let second = world.driver.plug(&nic).await.unwrap();
    drop(first);
    assert!(links().contains(&second.name), "the one that was replaced is not missed");
    world.driver.unplug(network.id, nic.port).await.unwrap();
    assert!(!links().contains(": tap"), "even while someone holds it");
    drop(second);
    world.remove(network.id).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removal_that_was_broken_off_is_finished() {
    let mut world = World::new();
    let network = network("10.86.0.0/24");
    world.driver.ensure_network(&network).await.unwrap();
    let nic = nic(&network, 9);
    let _tap = world.driver.plug(&nic).await.unwrap();
    let guest = FakeGuest::wire(&world, &nic);
    guest.ask_dhcp().expect("the first owner gets it");
    // Killed after the line was taken away, and before the server was told.
    let port = nic.port.to_string();
    fs::remove_file(world.folder(network.id).join("hosts").join(&port)).unwrap();
    world.restart();
    world.driver.ensure_network(&network).await.unwrap();
    assert!(!world.folder(network.id).join("ports").join(&port).exists());
    assert!(guest.is_ignored());
    let heir = heir(&nic, 1);
    let _tap = world.driver.plug(&heir).await.unwrap();
    let guest = FakeGuest::wire(&world, &heir);
    assert_eq!(guest.ask_dhcp().unwrap()["ip"], "10.86.0.9/24");

    // The same with the server dead: its notes say that the address is lent.
    fs::remove_file(world.folder(network.id).join("hosts").join(heir.port.to_string())).unwrap();
    kill(Pid::from_raw(world.servers(network.id)[0]), Signal::SIGKILL).unwrap();
    world.restart();
    world.driver.ensure_network(&network).await.unwrap();
    let _tap = world.driver.plug(&nic).await.unwrap();
    let guest = FakeGuest::wire(&world, &nic);
    assert_eq!(guest.ask_dhcp().unwrap()["ip"], "10.86.0.9/24");
    world.remove(network.id).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn half_made_networks_are_repaired_and_removed() {
    let mut world = World::new();
    let network = network("10.87.0.0/24");
    let name = world.settings.namespaces.join(world.namespace(network.id));
    fs::create_dir_all(&world.settings.namespaces).unwrap();
    fs::write(&name, "").unwrap();
    assert_eq!(world.driver.list_networks().await.unwrap(), [network.id]);
    world.driver.ensure_network(&network).await.unwrap();

    // The namespace loses its name while the server runs in it.
    nix::mount::umount2(&name, nix::mount::MntFlags::MNT_DETACH).unwrap();
    let lost = world.servers(network.id);
    world.driver.ensure_network(&network).await.unwrap();
    let servers = world.servers(network.id);
    assert!(servers.len() == 1 && servers != lost, "{lost:?} {servers:?}");

    nix::mount::umount2(&name, nix::mount::MntFlags::MNT_DETACH).unwrap();
    world.restart();
    world.remove(network.id).await;

    fs::write(&name, "").unwrap();
    world.remove(network.id).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn removing_a_network_ends_what_runs_in_it_and_nothing_else() {
    let world = World::new();
    let (one, other) = (network("10.88.0.0/24"), network("10.88.0.0/24"));
    let mut children = Vec::new();
    for network in [&one, &other] {
        world.driver.ensure_network(network).await.unwrap();
        let child = Command::new("ip")
            .args(["netns", "exec", &world.namespace(network.id), "cat", "/dev/zero"])
            .stdout(std::process::Stdio::piped())
            .spawn();
        children.push(child.unwrap());
    }
    world.remove(one.id).await;
    assert!(children[0].wait().unwrap().code().is_none(), "killed");
    assert!(children[1].try_wait().unwrap().is_none(), "left alone");
    assert_eq!(world.servers(other.id).len(), 1);
    world.remove(other.id).await;
    assert!(children[1].wait().unwrap().code().is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_the_network_reaches_its_guests() {
    let world = World::new();
    let mut network = network("10.89.0.0/24");
    world.driver.ensure_network(&network).await.unwrap();
    let nic = nic(&network, 9);
    let _tap = world.driver.plug(&nic).await.unwrap();
    let guest = FakeGuest::wire(&world, &nic);
    assert_eq!(guest.ask_dhcp().unwrap()["dns"], "9.9.9.9");
    network.subnets[0].dns = vec![[8, 8, 8, 8].into(), [8, 8, 4, 4].into()];
    network.subnets[0].server_address = Some([10, 89, 0, 3].into());
    network.mtu = 1300;
    world.driver.ensure_network(&network).await.unwrap();
    let told = guest.ask_dhcp().expect("a DHCP server answers");
    assert_eq!(told["dns"], "8.8.8.8 8.8.4.4");
    assert_eq!((told["server"].as_str(), told["mtu"].as_str()), ("10.89.0.3", "1300"));
    assert_eq!(guest.get("/openstack").await.0, 404);
    let addresses =
        run("ip", &["-n", &world.namespace(network.id), "-o", "addr", "show", "bridge"]);
    assert!(addresses.contains("10.89.0.3/24") && !addresses.contains("10.89.0.2/"), "{addresses}");

    // The address was lent by a server that has another address now.
    world.driver.unplug(network.id, nic.port).await.unwrap();
    let heir = GuestNic { network: network.clone(), ..heir(&nic, 1) };
    let _tap = world.driver.plug(&heir).await.unwrap();
    let guest = FakeGuest::wire(&world, &heir);
    assert_eq!(guest.ask_dhcp().unwrap()["ip"], "10.89.0.9/24");

    network.subnets[0].dhcp = false;
    world.driver.ensure_network(&network).await.unwrap();
    assert_eq!(world.servers(network.id), Vec::<i32>::new());
    assert!(guest.is_ignored());
    world.remove(network.id).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_that_cannot_be_served_says_why_and_leaves_nothing() {
    let mut world = World::new();
    let network = network("10.90.0.0/24");
    let mode = |mode| fs::set_permissions(world.settings.state.parent().unwrap(), mode).unwrap();
    mode(Permissions::from_mode(0o700));
    let refused = world.driver.ensure_network(&network).await.unwrap_err();
    assert!(format!("{refused:?}").contains("chmod o+x"), "{refused:?}");
    assert!(world.driver.list_networks().await.unwrap().is_empty());
    mode(Permissions::from_mode(0o711));

    world.settings.dnsmasq = "/nowhere/dnsmasq".into();
    world.restart();
    let refused = world.driver.ensure_network(&network).await.unwrap_err();
    assert!(format!("{refused:?}").contains("install the package dnsmasq-base"), "{refused:?}");
    assert!(world.driver.list_networks().await.unwrap().is_empty());
}
