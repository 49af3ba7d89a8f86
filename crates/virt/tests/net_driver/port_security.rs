//! A guest sends only in its own name. Each attack is tried on bare bridges, too, where it works.

use crate::frame::{
    ARP, IPV4, IPV6, Raw, arp, dhcp_request, discovery, ethernet, fragment, ipv4, nonsense,
    number_of, numbered, snap, tagged, udp, udp6,
};
use crate::guest::FakeGuest;
use crate::spec;
use crate::world::{World, network, nic, open_nic, run};
use hatchery_model::compute::GuestNic;
use hatchery_model::id::PortId;
use hatchery_model::network::{MacAddress, NetworkSpec, NicAddress};
use hatchery_ports::network_driver::NetworkDriver;
use nix::sched::{CpuSet, sched_setaffinity};
use nix::unistd::Pid;
use std::collections::BTreeSet;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use uuid::Uuid;

type Named = Vec<(&'static str, Vec<u8>)>;

/// A guest's addresses.
#[derive(Clone, Copy)]
struct Who {
    mac: MacAddress,
    v4: Ipv4Addr,
    v6: Ipv6Addr,
}

impl Who {
    fn of(nic: &GuestNic) -> Self {
        let v4 = nic.addresses.iter().find_map(|entry| match entry.address {
            IpAddr::V4(address) => Some(address),
            IpAddr::V6(_) => None,
        });
        let v4 = v4.unwrap();
        Self { mac: nic.mac, v4, v6: v6(v4) }
    }
}

fn v6(address: Ipv4Addr) -> Ipv6Addr {
    Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, u16::from(address.octets()[3]))
}

/// Gives an interface an IPv6 address, too.
fn with_v6(mut nic: GuestNic) -> GuestNic {
    let NicAddress { subnet, .. } = nic.addresses[0];
    nic.addresses.push(NicAddress { subnet, address: Who::of(&nic).v6.into() });
    nic
}

/// What anyone may send.
fn honest(own: Who) -> Named {
    let nobody = Ipv4Addr::UNSPECIFIED;
    let link_local = Ipv6Addr::new(0xfe80, 0, 0, 0, 1, 2, 3, 4);
    vec![
        ("a packet", ethernet(own.mac, IPV4, &ipv4(own.v4, &udp(9, 9, &[])))),
        ("a packet's end", ethernet(own.mac, IPV4, &fragment(own.v4, 8, &[0; 8]))),
        ("an ARP announcement", ethernet(own.mac, ARP, &arp(2, own.mac, own.v4))),
        ("an ARP request", ethernet(own.mac, ARP, &arp(1, own.mac, own.v4))),
        ("an ARP probe", ethernet(own.mac, ARP, &arp(1, own.mac, nobody))),
        ("a DHCP request", ethernet(own.mac, IPV4, &ipv4(nobody, &dhcp_request(own.mac)))),
        ("a DHCP renewal", ethernet(own.mac, IPV4, &ipv4(own.v4, &dhcp_request(own.mac)))),
        ("an IPv6 packet", ethernet(own.mac, IPV6, &udp6(own.v6, 9))),
        ("a link-local packet", ethernet(own.mac, IPV6, &udp6(link_local, 9))),
        ("a probe", ethernet(own.mac, IPV6, &discovery(Ipv6Addr::UNSPECIFIED, 135, own.v6))),
        ("an advertisement", ethernet(own.mac, IPV6, &discovery(own.v6, 136, own.v6))),
        (
            "a link-local advertisement",
            ethernet(own.mac, IPV6, &discovery(link_local, 136, link_local)),
        ),
    ]
}

/// What nobody may send who is not the other.
fn attacks(own: Who, other: Who) -> Named {
    let nobody = Ipv4Addr::UNSPECIFIED;
    let link_local = Ipv6Addr::new(0xfe80, 0, 0, 0, 1, 2, 3, 4);
    let stolen = ethernet(own.mac, IPV4, &ipv4(other.v4, &udp(9, 9, &[])));
    let in_the_name_of_other = ipv4(nobody, &dhcp_request(other.mac));
    vec![
        ("tagged", tagged(&stolen)),
        ("tagged twice", tagged(&tagged(&stolen))),
        ("SNAP", snap(&stolen)),
        ("the other's address", stolen),
        ("an address of nobody", ethernet(own.mac, IPV4, &ipv4([192, 0, 2, 1].into(), &[]))),
        ("no address", ethernet(own.mac, IPV4, &ipv4(nobody, &udp(68, 9, &[])))),
        ("no address in a fragment", ethernet(own.mac, IPV4, &fragment(nobody, 8, &[0; 8]))),
        ("the other's MAC", ethernet(other.mac, IPV4, &ipv4(own.v4, &udp(9, 9, &[])))),
        ("both", ethernet(other.mac, IPV4, &ipv4(other.v4, &udp(9, 9, &[])))),
        ("ARP for the other", ethernet(own.mac, ARP, &arp(2, own.mac, other.v4))),
        ("an ARP request as the other", ethernet(own.mac, ARP, &arp(1, own.mac, other.v4))),
        ("ARP with the other's MAC", ethernet(own.mac, ARP, &arp(2, other.mac, own.v4))),
        ("an ARP answer for nobody", ethernet(own.mac, ARP, &arp(2, own.mac, nobody))),
        ("a DHCP reply", ethernet(own.mac, IPV4, &ipv4(own.v4, &udp(67, 68, &[])))),
        ("a DHCP request as the other", ethernet(own.mac, IPV4, &in_the_name_of_other)),
        (
            "a DHCP request in fragments",
            ethernet(own.mac, IPV4, &fragment(own.v4, 0x2000, &dhcp_request(other.mac)[..16])),
        ),
        ("the other's IPv6 address", ethernet(own.mac, IPV6, &udp6(other.v6, 9))),
        (
            "an advertisement as the other",
            ethernet(own.mac, IPV6, &discovery(own.v6, 136, other.v6)),
        ),
        ("a router advertisement", ethernet(own.mac, IPV6, &discovery(link_local, 134, own.v6))),
        ("a redirect", ethernet(own.mac, IPV6, &discovery(link_local, 137, own.v6))),
        ("a DHCPv6 reply", ethernet(own.mac, IPV6, &udp6(own.v6, 547))),
        ("another protocol", nonsense(own.mac, 0x88b5)),
    ]
}

/// Sends all of it, and gives the names of what arrives at the other end.
fn arriving(from: &Raw, sender: Who, to: &Raw, frames: &Named) -> BTreeSet<&'static str> {
    arriving_before(from, frames, from, sender, to)
}

/// The same, where another one has the last word. Frames that one processor sends do not overtake each other: what is not
/// there before the last one never comes.
fn arriving_before(
    from: &Raw,
    frames: &Named,
    last: &Raw,
    honest: Who,
    to: &Raw,
) -> BTreeSet<&'static str> {
    let send = || {
        let mut one = CpuSet::new();
        one.set(0).unwrap();
        sched_setaffinity(Pid::from_raw(0), &one).unwrap();
        for (number, (_, frame)) in frames.iter().enumerate() {
            from.send(&numbered(frame, number));
        }
        let end = ethernet(honest.mac, ARP, &arp(2, honest.mac, honest.v4));
        last.send(&numbered(&end, frames.len()));
    };
    std::thread::scope(|scope| scope.spawn(send).join().unwrap());
    let mut arrived = BTreeSet::new();
    loop {
        let Some(number) = number_of(&to.receive()) else {
            continue;
        };
        match frames.get(number) {
            Some((name, _)) => arrived.insert(*name),
            None => return arrived,
        };
    }
}

fn names(frames: &Named) -> BTreeSet<&'static str> {
    frames.iter().map(|(name, _)| *name).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_sends_only_in_its_own_name() {
    let world = World::new();
    let network = network("10.51.0.0/24");
    world.driver.ensure_network(&network).await.unwrap();
    let (one, other) = (with_v6(nic(&network, 5)), with_v6(nic(&network, 6)));
    let mut guests = Vec::new();
    for nic in [&one, &other] {
        drop(world.driver.plug(nic).await.unwrap());
        guests.push(FakeGuest::wire(&world, nic));
    }
    let (own, victim) = (Who::of(&one), Who::of(&other));
    let (from, to) = (Raw::of(&guests[0]), Raw::of(&guests[1]));
    let (good, bad) = (honest(own), attacks(own, victim));
    assert_eq!(arriving(&from, own, &to, &good), names(&good));
    assert_eq!(arriving(&from, own, &to, &bad), BTreeSet::new());

    world.nft(&network, &["flush", "ruleset"]);
    assert_eq!(arriving(&from, own, &to, &bad), names(&bad), "without rules, each of them works");

    world.driver.ensure_network(&network).await.unwrap();
    assert_eq!(arriving(&from, own, &to, &bad), BTreeSet::new());
    assert_eq!(arriving(&from, own, &to, &good), names(&good));
    world.remove(network.id).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_without_port_security_sends_what_it_likes() {
    let world = World::new();
    let network = network("10.52.0.0/24");
    world.driver.ensure_network(&network).await.unwrap();
    let (one, other) = (open_nic(&network, 5), with_v6(nic(&network, 6)));
    drop(world.driver.plug(&one).await.unwrap());
    drop(world.driver.plug(&other).await.unwrap());
    let guests = (FakeGuest::wire(&world, &one), FakeGuest::wire(&world, &other));
    let (own, victim) = (Who::of(&one), Who::of(&other));
    let (from, to) = (Raw::of(&guests.0), Raw::of(&guests.1));
    let bad = attacks(own, victim);
    assert_eq!(arriving(&from, own, &to, &bad), names(&bad));
    // It may be switched on, and off again.
    let guarded = GuestNic { port_security: true, ..one.clone() };
    for (nic, arrives) in [(&guarded, BTreeSet::new()), (&one, names(&bad))] {
        drop(world.driver.plug(nic).await.unwrap());
        let guest = FakeGuest::wire(&world, nic);
        assert_eq!(arriving(&Raw::of(&guest), own, &to, &bad), arrives);
    }
    world.remove(network.id).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interface_that_no_port_has_is_dumb() {
    let world = World::new();
    let network = network("10.53.0.0/24");
    world.driver.ensure_network(&network).await.unwrap();
    let (one, other) = (nic(&network, 5), with_v6(nic(&network, 6)));
    drop(world.driver.plug(&one).await.unwrap());
    drop(world.driver.plug(&other).await.unwrap());
    let guests = (FakeGuest::wire(&world, &one), FakeGuest::wire(&world, &other));
    let unknown = nic(&network, 7);
    let dumb = FakeGuest::wire(&world, &unknown);
    let (own, to) = (Who::of(&one), Raw::of(&guests.1));
    for frames in [honest(Who::of(&unknown)), honest(own)] {
        let arrived = arriving_before(&Raw::of(&dumb), &frames, &Raw::of(&guests.0), own, &to);
        assert_eq!(arrived, BTreeSet::new());
    }
    world.remove(network.id).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_reads_a_neighbours_metadata() {
    let world = World::new();
    let network = network("10.54.0.0/24");
    world.driver.ensure_network(&network).await.unwrap();
    let (one, other) = (nic(&network, 5), nic(&network, 6));
    for nic in [&one, &other] {
        drop(world.driver.plug(nic).await.unwrap());
        let mut told = spec::guest(vec![nic.clone()]);
        told.metadata.hostname = nic.addresses[0].address.to_string();
        world.guests.insert(network.id, nic.addresses[0].address, told);
    }
    // The neighbour is switched off: it does not defend its address.
    let thief = FakeGuest::wire(&world, &one);
    thief.ask_dhcp().expect("a DHCP server answers");
    assert_eq!(thief.get("/latest/meta-data/hostname").await.1, "10.54.0.5");
    let steal = |mac: MacAddress| {
        thief.run(&["ip", "link", "set", "eth0", "address", &mac.to_string()]);
        thief.run(&["ip", "addr", "flush", "dev", "eth0"]);
        thief.run(&["ip", "addr", "add", "10.54.0.6/24", "dev", "eth0"]);
        thief.run(&["ip", "route", "replace", "169.254.169.254/32", "dev", "eth0"]);
    };
    for mac in [one.mac, other.mac] {
        steal(mac);
        assert!(!thief.reaches_metadata(), "as {mac}");
    }
    world.nft(&network, &["flush", "ruleset"]);
    assert_eq!(thief.get("/latest/meta-data/hostname").await.1, "10.54.0.6", "without rules");
    world.remove(network.id).await;
}

/// A bridge reads some frames itself, past all rules, and may learn from them where an address is.
#[tokio::test(flavor = "multi_thread")]
async fn nobody_draws_a_neighbours_frames_to_himself() {
    let world = World::new();
    let network = network("10.55.0.0/24");
    world.driver.ensure_network(&network).await.unwrap();
    let (one, other) = (nic(&network, 5), nic(&network, 6));
    let mut guests = Vec::new();
    for nic in [&one, &other] {
        drop(world.driver.plug(nic).await.unwrap());
        guests.push(FakeGuest::wire(&world, nic));
    }
    let (own, victim) = (Who::of(&one), Who::of(&other));
    let (from, to) = (Raw::of(&guests[0]), Raw::of(&guests[1]));
    to.send(&ethernet(victim.mac, ARP, &arp(2, victim.mac, victim.v4)));
    let mut lldp = nonsense(victim.mac, 0x88cc);
    lldp[..6].copy_from_slice(&[1, 0x80, 0xc2, 0, 0, 0xe]);
    let learned = || {
        let namespace = world.namespace(network.id);
        let table = run("bridge", &["-n", &namespace, "fdb", "show", "br", "bridge"]);
        let mac = victim.mac.to_string();
        let line = table.lines().find(|line| line.starts_with(&mac) && !line.contains("permanent"));
        line.expect("the bridge knows the neighbour").to_owned()
    };
    let tap = |nic: &GuestNic| format!("tap{}", &nic.port.to_string()[..11]);
    assert_eq!(arriving(&from, own, &to, &vec![("LLDP", lldp.clone())]), BTreeSet::new());
    assert!(learned().contains(&tap(&other)), "{}", learned());
    let namespace = world.namespace(network.id);
    run(
        "ip",
        &["-n", &namespace, "link", "set", "bridge", "type", "bridge", "no_linklocal_learn", "0"],
    );
    arriving(&from, own, &to, &vec![("LLDP", lldp)]);
    assert!(learned().contains(&tap(&one)), "on another bridge, it works");
    world.remove(network.id).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_plays_the_dhcp_server() {
    let world = World::new();
    let mut network = network("10.56.0.0/24");
    network.subnets[0].dhcp = false;
    world.driver.ensure_network(&network).await.unwrap();
    let (one, other) = (nic(&network, 5), nic(&network, 6));
    let mut guests = Vec::new();
    for nic in [&one, &other] {
        drop(world.driver.plug(nic).await.unwrap());
        guests.push(FakeGuest::wire(&world, nic));
    }
    guests[0].run(&["ip", "addr", "add", "10.56.0.5/24", "dev", "eth0"]);
    let _server = Rogue::start(&guests[0]);
    assert!(guests[1].is_ignored());
    world.nft(&network, &["flush", "ruleset"]);
    assert_eq!(guests[1].ask_dhcp().expect("without rules, it works")["ip"], "10.56.0.66/24");
    world.remove(network.id).await;
}

/// A DHCP server in a guest.
struct Rogue(Child);

impl Rogue {
    fn start(guest: &FakeGuest) -> Self {
        let mut command = guest.command(&["dnsmasq", "--conf-file=/dev/null", "--no-daemon"]);
        command.args(["--port=0", "--interface=eth0", "--bind-interfaces", "--dhcp-authoritative"]);
        command.args(["--dhcp-range=10.56.0.66,10.56.0.66", "--dhcp-leasefile=/dev/null"]);
        command.args(["--pid-file=", "--no-ping"]).stdout(Stdio::null()).stderr(Stdio::null());
        Self(command.spawn().unwrap())
    }
}

impl Drop for Rogue {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn honest_guests_notice_nothing() {
    let world = World::new();
    let network = NetworkSpec { host_access: true, ..network("10.57.0.0/24") };
    world.driver.ensure_network(&network).await.unwrap();
    let mut guests = Vec::new();
    for last in [5, 6] {
        let nic = nic(&network, last);
        drop(world.driver.plug(&nic).await.unwrap());
        let guest = FakeGuest::wire(&world, &nic);
        guest.ask_dhcp().expect("a DHCP server answers");
        assert_eq!(guest.get("/openstack").await.0, 404, "the metadata service answers");
        guests.push(guest);
    }
    let ping = ["busybox", "ping", "-c", "1", "-W", "5"];
    for (guest, neighbour) in [(&guests[0], "10.57.0.6"), (&guests[1], "10.57.0.5")] {
        guest.run(&[&ping[..], &[neighbour]].concat());
        guest.run(&[&ping[..], &["10.57.0.1"]].concat());
        guest.run(&["busybox", "arping", "-c", "1", "-w", "5", "-I", "eth0", neighbour]);
        run("busybox", &[&ping[1..], &[neighbour]].concat());
    }
    // They may renew, and defend their address.
    assert_eq!(guests[0].ask_dhcp().unwrap()["ip"], "10.57.0.5/24");
    guests[0].run(&["busybox", "arping", "-U", "-c", "1", "-I", "eth0", "10.57.0.5"]);
    world.remove(network.id).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rights_come_and_go_with_the_port() {
    let mut world = World::new();
    let network = network("10.58.0.0/24");
    world.driver.ensure_network(&network).await.unwrap();
    let (one, other) = (with_v6(nic(&network, 5)), open_nic(&network, 6));
    let tap = |nic: &GuestNic| format!("\"tap{}\"", &nic.port.to_string()[..11]);
    let _taps = (world.driver.plug(&one).await.unwrap(), world.driver.plug(&other).await.unwrap());
    let entries = world.entries(&network);
    assert_eq!(entries.iter().filter(|entry| entry.contains(&tap(&one))).count(), 5, "{entries:?}");
    assert_eq!(entries.iter().filter(|entry| **entry == tap(&other)).count(), 1, "{entries:?}");
    assert_eq!(entries.len(), 6);
    // The same again, by another process, which writes all of it anew, and after that.
    let _tap = world.driver.plug(&one).await.unwrap();
    assert_eq!(world.entries(&network), entries);
    world.restart();
    world.driver.ensure_network(&network).await.unwrap();
    assert_eq!(world.entries(&network), entries);

    let mut moved = one.clone();
    moved.addresses = vec![NicAddress { address: [10, 58, 0, 9].into(), ..one.addresses[0] }];
    let _tap = world.driver.plug(&moved).await.unwrap();
    let now = world.entries(&network);
    assert_eq!(now.len(), 4, "{now:?}");
    assert!(now.iter().any(|entry| entry.ends_with(" . 10.58.0.9")), "{now:?}");

    // Another port gets its address while it is still there, as after a crash between two steps.
    let heir = GuestNic {
        port: PortId(Uuid::from_u128(moved.port.0.as_u128() ^ 1 << 120)),
        mac: MacAddress::generated([0xaa, 0, 1]),
        ..moved.clone()
    };
    let _heirs = world.driver.plug(&heir).await.unwrap();
    let now = world.entries(&network);
    assert!(now.iter().all(|entry| !entry.contains(&tap(&moved))), "{now:?}");
    for nic in [&heir, &other, &one] {
        world.driver.unplug(network.id, nic.port).await.unwrap();
    }
    assert_eq!(world.entries(&network), Vec::<String>::new());

    // A process that knows nothing yet takes them away all the same.
    let _tap = world.driver.plug(&one).await.unwrap();
    world.restart();
    world.driver.unplug(network.id, one.port).await.unwrap();
    world.driver.ensure_network(&network).await.unwrap();
    assert_eq!(world.entries(&network), Vec::<String>::new());
    world.remove(network.id).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn guests_of_a_version_without_rules_go_on_and_get_them() {
    let mut world = World::new();
    let network = network("10.59.0.0/24");
    world.driver.ensure_network(&network).await.unwrap();
    let (one, other) = (nic(&network, 5), nic(&network, 6));
    let mut guests = Vec::new();
    for nic in [&one, &other] {
        drop(world.driver.plug(nic).await.unwrap());
        guests.push(FakeGuest::wire(&world, nic));
    }
    world.nft(&network, &["delete", "table", "bridge", "hatchery"]);
    fs::remove_dir_all(world.folder(network.id).join("rights")).unwrap();
    world.restart();
    world.driver.ensure_network(&network).await.unwrap();
    let (own, victim) = (Who::of(&one), Who::of(&other));
    let (from, to) = (Raw::of(&guests[0]), Raw::of(&guests[1]));
    let (mut good, mut bad) = (honest(own), attacks(own, victim));
    // That version knew of no IPv6 addresses.
    good.retain(|(name, _)| !["an IPv6 packet", "an advertisement"].contains(name));
    bad.retain(|(name, _)| !name.contains("IPv6"));
    assert_eq!(arriving(&from, own, &to, &good), names(&good));
    assert_eq!(arriving(&from, own, &to, &bad), BTreeSet::new());
    assert_eq!(guests[0].ask_dhcp().expect("a DHCP server answers")["ip"], "10.59.0.5/24");
    world.driver.unplug(network.id, one.port).await.unwrap();
    assert!(world.entries(&network).iter().all(|entry| !entry.contains(&one.mac.to_string())));
    world.remove(network.id).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_that_someone_touched_are_made_whole_by_the_next_plug() {
    let world = World::new();
    let network = network("10.60.0.0/24");
    world.driver.ensure_network(&network).await.unwrap();
    let (one, other) = (nic(&network, 5), nic(&network, 6));
    let _tap = world.driver.plug(&one).await.unwrap();
    let before = world.entries(&network);
    for wrong in [
        &["flush", "set", "bridge", "hatchery", "sources4"][..],
        &["flush", "chain", "bridge", "hatchery", "from_ports"],
        &["flush", "ruleset"],
    ] {
        world.nft(&network, wrong);
        let _tap = world.driver.plug(&other).await.unwrap();
        world.driver.unplug(network.id, other.port).await.unwrap();
        assert_eq!(world.entries(&network), before, "{wrong:?}");
        let rules = world.nft(&network, &["list", "chain", "bridge", "hatchery", "from_ports"]);
        assert!(rules.contains("@senders drop"), "{rules}");
    }
    world.remove(network.id).await;
}

/// The kernel puts a table in force piece by piece; none of its states may be open.
#[tokio::test(flavor = "multi_thread")]
async fn rules_that_are_made_anew_let_nothing_through_meanwhile() {
    let world = World::new();
    let network = network("10.62.0.0/24");
    world.driver.ensure_network(&network).await.unwrap();
    let (one, other) = (with_v6(nic(&network, 5)), with_v6(nic(&network, 6)));
    let mut guests = Vec::new();
    for nic in [&one, &other] {
        drop(world.driver.plug(nic).await.unwrap());
        guests.push(FakeGuest::wire(&world, nic));
    }
    let (own, victim) = (Who::of(&one), Who::of(&other));
    let (from, to) = (Arc::new(Raw::of(&guests[0])), Raw::of(&guests[1]));
    let bad = attacks(own, victim);
    let over = Arc::new(AtomicBool::new(false));
    let flood = {
        let (from, bad, over) = (from.clone(), bad.clone(), over.clone());
        move || {
            while !over.load(Ordering::Relaxed) {
                for (number, (_, frame)) in bad.iter().enumerate() {
                    from.send(&numbered(frame, number));
                }
            }
        }
    };
    let flood = std::thread::spawn(flood);
    for round in 0..60 {
        let verb = if round % 2 == 0 { "add" } else { "delete" };
        world.nft(&network, &[verb, "table", "bridge", "elsewhere"]);
        world.driver.ensure_network(&network).await.unwrap();
    }
    over.store(true, Ordering::Relaxed);
    flood.join().unwrap();
    assert_eq!(arriving(&from, own, &to, &bad), BTreeSet::new());
    world.remove(network.id).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_nft_there_is_no_network() {
    let mut world = World::new();
    let network = network("10.61.0.0/24");
    world.settings.nft = "/nowhere/nft".into();
    world.restart();
    let refused = world.driver.ensure_network(&network).await.unwrap_err();
    assert!(format!("{refused:?}").contains("install the package nftables"), "{refused:?}");
    assert!(world.driver.list_networks().await.unwrap().is_empty());
}
