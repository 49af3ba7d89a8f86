//! What guests get: addresses, routes, MTU, metadata.

use crate::guest::FakeGuest;
use crate::spec;
use crate::world::{World, network, nic, open_nic, run};
use hatchery_model::compute::GuestNic;
use hatchery_model::network::{HostRoute, MacAddress};
use hatchery_ports::network_driver::NetworkDriver;
use serde_json::{Value, json};
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_gets_its_address_by_dhcp() {
    let world = World::new();
    let network = network("10.71.0.0/24");
    world.driver.ensure_network(&network).await.unwrap();
    let nic = nic(&network, 17);
    let tap = world.driver.plug(&nic).await.unwrap();
    assert!(tap.device.is_some());
    let guest = FakeGuest::wire(&world, &nic);
    let told = guest.ask_dhcp().expect("a DHCP server answers");
    assert_eq!(told["ip"], "10.71.0.17/24");
    assert_eq!(told["mtu"], "1400");
    assert_eq!(told["router"], "10.71.0.1");
    assert_eq!(told["dns"], "9.9.9.9");
    assert_eq!(told["hostname"], "host-10-71-0-17");
    assert_eq!(told["server"], "10.71.0.2");
    assert_eq!(told["lease"], "86400");
    assert_eq!(told["routes"], "169.254.169.254/32 10.71.0.2 0.0.0.0/0 10.71.0.1");
    assert_eq!(guest.get("/openstack").await.0, 404, "a caller whom nobody knows");
    drop(guest);
    world.driver.unplug(network.id, nic.port).await.unwrap();
    world.remove(network.id).await;
}

/// A network with a guest that has its address and all that can be told.
async fn told_guest(cidr: &str) -> (World, GuestNic, FakeGuest) {
    let world = World::new();
    let network = network(cidr);
    world.driver.ensure_network(&network).await.unwrap();
    let nic = nic(&network, 5);
    world.driver.plug(&nic).await.unwrap();
    let address = nic.addresses[0].address;
    world.guests.insert(network.id, address, spec::guest(vec![nic.clone()]));
    let guest = FakeGuest::wire(&world, &nic);
    guest.ask_dhcp().expect("a DHCP server answers");
    (world, nic, guest)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_is_told_of_itself() {
    let (world, nic, guest) = told_guest("10.72.0.0/24").await;
    let network = &nic.network;
    let versions = "2012-08-10\n2013-04-04\n2013-10-17\n2015-10-15\n2016-06-30\n2016-10-06\n2017-02-22\n2018-08-27\n2020-10-14\nlatest";
    for path in ["/openstack", "/openstack/"] {
        assert_eq!(guest.get(path).await, (200, versions.to_owned()));
    }
    let files = "meta_data.json\nuser_data\npassword\nvendor_data.json\nnetwork_data.json\nvendor_data2.json";
    assert_eq!(guest.get("/openstack/latest/").await, (200, files.to_owned()));
    assert_eq!(guest.get("/openstack/2012-08-10").await.1, "meta_data.json\nuser_data");
    let (status, text) = guest.get("/openstack/latest/meta_data.json").await;
    let document: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(status, 200);
    assert_eq!(
        document,
        json!({
            "uuid": spec::SERVER,
            "name": "Büro 1",
            "hostname": "buro-1",
            "availability_zone": "nova",
            "launch_index": 0,
            "project_id": "0123456789abcdef0123456789abcdef",
            "keys": [{"name": "mine", "type": "ssh", "data": spec::KEY}],
            "public_keys": {"mine": spec::KEY},
            "meta": {"role": "web"},
            "random_seed": "c2VlZA==",
            "devices": [],
            "dedicated_cpus": [],
        })
    );
    let text = guest.get("/openstack/2018-08-27/network_data.json").await.1;
    let document: Value = serde_json::from_str(&text).unwrap();
    let link = format!("tap{}", &nic.port.to_string()[..11]);
    assert_eq!(
        document,
        json!({
            "links": [{
                "id": link,
                "vif_id": nic.port,
                "type": "bridge",
                "mtu": 1400,
                "ethernet_mac_address": nic.mac.to_string(),
            }],
            "networks": [{"id": "network0", "type": "ipv4_dhcp", "link": link, "network_id": network.id}],
            "services": [{"type": "dns", "address": "9.9.9.9"}],
        })
    );
    assert_eq!(guest.get("/openstack/latest/vendor_data.json").await.1, "{}");
    assert_eq!(guest.get("/openstack/latest/password").await, (200, String::new()));

    let nothing = ["2019-01-01", "latest/nothing", "latest/meta_data.json/more"];
    for path in nothing {
        assert_eq!(guest.get(&format!("/openstack/{path}")).await.0, 404, "{path}");
    }
    world.remove(network.id).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_that_knows_only_amazon_is_told_too() {
    let (world, nic, guest) = told_guest("10.78.0.0/24").await;
    let amazon = "1.0\n2007-01-19\n2007-03-01\n2007-08-29\n2007-10-10\n2007-12-15\n2008-02-01\n2008-09-01\n2009-04-04\nlatest";
    assert_eq!(guest.get("/").await.1, amazon);
    assert_eq!(guest.get("/latest").await.1, "meta-data/\nuser-data");
    for (path, wanted) in [
        ("instance-id", "i-0000002a"),
        ("hostname", "buro-1"),
        ("local-ipv4", "10.78.0.5"),
        ("public-keys/", "0=mine"),
        ("public-keys/0/", "openssh-key"),
        ("public-keys/0/openssh-key", spec::KEY),
        ("placement/", "availability-zone"),
        ("placement/availability-zone", "nova"),
    ] {
        let got = guest.get(&format!("/latest/meta-data/{path}")).await;
        assert_eq!(got, (200, wanted.to_owned()), "{path}");
    }
    let listing = guest.get("/2009-04-04/meta-data/").await.1;
    assert!(listing.contains("placement/\n") && listing.contains("public-keys/"), "{listing}");
    for path in ["/openstack/latest/user_data", "/latest/user-data"] {
        let request = format!("GET {path} HTTP/1.0\r\n\r\n");
        let answer = guest.talk(request.into_bytes()).await;
        assert!(answer.ends_with(spec::USER_DATA), "{path}");
    }
    for path in [
        "/2010-01-01/",
        "/latest/meta-data/_name",
        "/latest/meta-data/public-keys/0/_name",
        "/latest/meta-data/hostname/more",
    ] {
        assert_eq!(guest.get(path).await.0, 404, "{path}");
    }
    world.remove(nic.network.id).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn guests_with_one_address_on_two_networks_are_told_apart() {
    let world = World::new();
    let mut guests = Vec::new();
    for name in ["left", "right"] {
        let network = network("10.73.0.0/24");
        world.driver.ensure_network(&network).await.unwrap();
        let nic = nic(&network, 9);
        let tap = world.driver.plug(&nic).await.unwrap();
        let mut told = spec::guest(vec![nic.clone()]);
        told.metadata.hostname = name.to_owned();
        world.guests.insert(network.id, nic.addresses[0].address, told);
        guests.push((name, network, FakeGuest::wire(&world, &nic), tap));
    }
    for (name, _, guest, _) in &guests {
        assert_eq!(guest.ask_dhcp().expect("a DHCP server answers")["ip"], "10.73.0.9/24");
        assert_eq!(guest.get("/latest/meta-data/hostname").await.1, *name);
    }
    for (_, network, ..) in &guests {
        world.remove(network.id).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_who_misbehave_are_cut_off() {
    let mut world = World::new();
    world.settings.metadata_request_time = Duration::from_millis(300);
    world.restart();
    let network = network("10.74.0.0/24");
    world.driver.ensure_network(&network).await.unwrap();
    // Another address is a part of it.
    let nic = open_nic(&network, 9);
    let _tap = world.driver.plug(&nic).await.unwrap();
    world.guests.insert(network.id, nic.addresses[0].address, spec::guest(vec![nic.clone()]));
    let guest = FakeGuest::wire(&world, &nic);
    guest.ask_dhcp().expect("a DHCP server answers");

    let status = |answer: Vec<u8>| {
        String::from_utf8_lossy(&answer).chars().skip(9).take(3).collect::<String>()
    };
    let huge = format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(64 << 10));
    assert!(["431", ""].contains(&status(guest.talk(huge.into_bytes()).await).as_str()));
    assert_eq!(status(guest.talk(b"POST /openstack HTTP/1.0\r\n\r\n".to_vec()).await), "405");
    assert_eq!(status(guest.talk(b"nonsense\r\n\r\n".to_vec()).await), "400");
    // Each of these returns only because the service hangs up.
    guest.talk(b"GET / HTTP/1.1\r\nHost".to_vec()).await;
    guest.talk(b"".to_vec()).await;
    guest.talk(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n".to_vec()).await;
    // No header makes one guest another.
    let forged =
        "GET /openstack HTTP/1.0\r\nX-Forwarded-For: 10.74.0.200\r\nX-Instance-ID: x\r\n\r\n";
    assert_eq!(status(guest.talk(forged.into()).await), "200");
    guest.run(&["ip", "addr", "flush", "dev", "eth0"]);
    guest.run(&["ip", "addr", "add", "10.74.0.200/24", "dev", "eth0"]);
    guest.run(&["ip", "route", "replace", "169.254.169.254/32", "dev", "eth0"]);
    let forged = "GET /openstack HTTP/1.0\r\nX-Forwarded-For: 10.74.0.9\r\n\r\n";
    assert_eq!(status(guest.talk(forged.into()).await), "404");
    world.remove(network.id).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_without_a_gateway_still_leads_to_metadata() {
    let world = World::new();
    let mut network = network("10.75.0.0/24");
    network.subnets[0].gateway = None;
    network.subnets[0].dns.clear();
    network.subnets[0].host_routes.push(HostRoute {
        destination: "192.168.7.0/24".parse().unwrap(),
        next_hop: [10, 75, 0, 40].into(),
    });
    world.driver.ensure_network(&network).await.unwrap();
    let nic = nic(&network, 9);
    let _tap = world.driver.plug(&nic).await.unwrap();
    let guest = FakeGuest::wire(&world, &nic);
    let told = guest.ask_dhcp().expect("a DHCP server answers");
    assert_eq!((told["router"].as_str(), told["dns"].as_str()), ("", ""));
    assert_eq!(told["routes"], "169.254.169.254/32 10.75.0.2 192.168.7.0/24 10.75.0.40");
    assert_eq!(guest.get("/openstack").await.0, 404);
    world.remove(network.id).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_ports_that_are_known_get_an_address() {
    let world = World::new();
    let network = network("10.76.0.0/24");
    world.driver.ensure_network(&network).await.unwrap();
    let nic = open_nic(&network, 9);
    let _tap = world.driver.plug(&nic).await.unwrap();
    let stranger = FakeGuest::wire_with(&world, &nic, MacAddress::generated([0xee, 0xee, 0xee]));
    assert!(stranger.is_ignored());
    world.remove(network.id).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_host_reaches_guests_where_it_may() {
    let world = World::new();
    let mut network = network("10.77.0.0/24");
    network.host_access = true;
    world.driver.ensure_network(&network).await.unwrap();
    let nic = nic(&network, 9);
    let _tap = world.driver.plug(&nic).await.unwrap();
    let guest = FakeGuest::wire(&world, &nic);
    guest.ask_dhcp().expect("a DHCP server answers");
    run("busybox", &["ping", "-c", "1", "-W", "5", "10.77.0.9"]);
    guest.run(&["busybox", "ping", "-c", "1", "-W", "5", "10.77.0.1"]);
    let name = format!("hat{}", &network.id.to_string()[..8]);
    let link = run("ip", &["-o", "addr", "show", &name]);
    assert!(link.contains("10.77.0.1/24") && !link.contains("inet6"), "{link}");
    assert!(run("ip", &["-o", "link", "show", &name]).contains("mtu 1400"));
    // A restarted agent keeps the pair; one that broke is made anew.
    world.driver.ensure_network(&network).await.unwrap();
    assert_eq!(run("ip", &["-o", "addr", "show", &name]), link);

    network.host_access = false;
    world.driver.ensure_network(&network).await.unwrap();
    assert!(!run("ip", &["-o", "link"]).contains(&name));
    world.remove(network.id).await;
}
