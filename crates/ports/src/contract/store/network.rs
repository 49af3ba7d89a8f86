//! Neutron's rows.

use super::assert_conflict;
use super::fixture::{id, network, port, subnet};
use crate::store::{PortFilter, Store, UnitOfWork};
use hatchery_model::id::{NetworkId, PortId, ProjectId, SubnetId};
use hatchery_model::network::Port;
use std::net::IpAddr;

/// Networks.
pub async fn networks(store: &dyn Store) {
    let mut unit = store.begin().await.unwrap();
    let rows = unit.networks();
    let (mine, other) = (ProjectId::from(id()), ProjectId::from(id()));
    let (mut b, a, hidden) =
        (network(&mine, "networks b"), network(&mine, "networks a"), network(&other, "networks c"));
    let (mut shared, mut external) = (network(&other, "networks d"), network(&other, "networks e"));
    shared.shared = true;
    external.external = true;
    assert_eq!(rows.find(b.id).await.unwrap(), None);
    for row in [&b, &a, &hidden, &shared, &external] {
        rows.insert(row).await.unwrap();
    }
    assert_conflict(rows.insert(&b).await);
    b.mtu = 9000;
    rows.update(&b).await.unwrap();
    assert_eq!(rows.find(b.id).await.unwrap().as_ref(), Some(&b));
    let listed = rows.list(Some(&mine)).await.unwrap();
    assert_eq!(listed, [a, b.clone(), shared, external]);
    assert!(rows.list(None).await.unwrap().contains(&hidden));
    assert!(rows.delete(b.id).await.unwrap());
    assert!(!rows.delete(b.id).await.unwrap());
    assert_conflict(rows.update(&b).await);
    unit.commit().await.unwrap();
}

/// Subnets.
pub async fn subnets(store: &dyn Store) {
    let mut unit = store.begin().await.unwrap();
    let rows = unit.subnets();
    let on = NetworkId(id());
    let (mut b, a) = (subnet(on, "b"), subnet(on, "a"));
    let elsewhere = subnet(NetworkId(id()), "a");
    assert_eq!(rows.find(b.id).await.unwrap(), None);
    for row in [&b, &a, &elsewhere] {
        rows.insert(row).await.unwrap();
    }
    assert_conflict(rows.insert(&b).await);
    b.dhcp = false;
    rows.update(&b).await.unwrap();
    assert_eq!(rows.find(b.id).await.unwrap().as_ref(), Some(&b));
    assert_eq!(rows.list(Some(on)).await.unwrap(), [a, b.clone()]);
    assert!(rows.list(None).await.unwrap().contains(&elsewhere));
    assert!(rows.delete(b.id).await.unwrap());
    assert!(!rows.delete(b.id).await.unwrap());
    unit.commit().await.unwrap();
}

/// Ports.
pub async fn ports(store: &dyn Store) {
    let mut unit = store.begin().await.unwrap();
    let (on, elsewhere) = (NetworkId(id()), NetworkId(id()));
    let (mut b, mut a, far) = (port(on, 1, 20), port(on, 2, 10), port(elsewhere, 1, 30));
    let device = id().to_string();
    a.device_id = device.clone();
    a.device_owner = "compute:nova".to_owned();
    let rows = unit.ports();
    assert_eq!(rows.find(b.id).await.unwrap(), None);
    for row in [&b, &a, &far] {
        rows.insert(row).await.unwrap();
    }
    assert_conflict(rows.insert(&b).await);
    assert_conflict(rows.insert(&port(on, 1, 40)).await);
    b.name = "named".to_owned();
    rows.update(&b).await.unwrap();
    assert_conflict(rows.update(&b).await);
    b.generation = b.generation.next();
    assert_eq!(rows.find(b.id).await.unwrap().as_ref(), Some(&b));
    let mac_taken = Port { mac: a.mac, ..b.clone() };
    assert_conflict(rows.update(&mac_taken).await);

    let all = PortFilter { network: Some(on), ..PortFilter::default() };
    assert_eq!(rows.list(&all).await.unwrap(), [a.clone(), b.clone()]);
    let plugged = PortFilter {
        device_id: Some(device),
        device_owner: Some("compute:nova".to_owned()),
        ..PortFilter::default()
    };
    assert_eq!(rows.list(&plugged).await.unwrap(), [a.clone()]);
    let unplugged = PortFilter { device_id: Some(String::new()), ..all.clone() };
    assert_eq!(rows.list(&unplugged).await.unwrap(), [b.clone()]);
    let by_mac = PortFilter { mac: Some(b.mac), project: Some(b.project.clone()), ..all.clone() };
    assert_eq!(rows.list(&by_mac).await.unwrap(), [b.clone()]);
    a_port_goes_with_its_addresses(unit.as_mut(), &a).await;
    unit.commit().await.unwrap();
}

async fn a_port_goes_with_its_addresses(unit: &mut dyn UnitOfWork, port: &Port) {
    let subnet = SubnetId(id());
    let address = "10.1.0.5".parse().unwrap();
    unit.addresses().insert(subnet, address, port.id).await.unwrap();
    assert!(unit.ports().delete(port.id).await.unwrap());
    assert!(!unit.ports().delete(port.id).await.unwrap());
    assert_eq!(unit.addresses().list(subnet).await.unwrap(), []);
}

/// Addresses: taken once, and the lowest free one is found.
pub async fn addresses(store: &dyn Store) {
    let mut unit = store.begin().await.unwrap();
    for (start, end) in [
        ("10.9.255.254", "10.10.0.5"),
        ("fd00::ffff:fffe", "fd00::1:0:5"),
        ("255.255.255.248", "255.255.255.255"),
    ] {
        fill_and_punch(unit.as_mut(), start.parse().unwrap(), end.parse().unwrap()).await;
    }
    let rows = unit.addresses();
    let (here, there) = (SubnetId(id()), SubnetId(id()));
    let (address, port) = ("10.0.0.9".parse().unwrap(), PortId(id()));
    rows.insert(here, address, port).await.unwrap();
    rows.insert(there, address, port).await.unwrap();
    assert_conflict(rows.insert(here, address, PortId(id())).await);
    assert_eq!(rows.list(here).await.unwrap(), [(address, port)]);
    assert_eq!(rows.delete(port).await.unwrap(), 2);
    assert_eq!(rows.delete(port).await.unwrap(), 0);
    unit.commit().await.unwrap();
}

/// Takes eight addresses one after the other, then gives some back and looks for the gap. Addresses just outside of the
/// range are taken as well: they must not matter.
async fn fill_and_punch(unit: &mut dyn UnitOfWork, start: IpAddr, end: IpAddr) {
    let rows = unit.addresses();
    let subnet = SubnetId(id());
    let mut taken = Vec::new();
    while let Some(free) = rows.find_free(subnet, start, end).await.unwrap() {
        let port = PortId(id());
        rows.insert(subnet, free, port).await.unwrap();
        taken.push((free, port));
    }
    assert_eq!(taken.len(), 8, "{start} to {end}");
    assert_eq!((taken[0].0, taken[7].0), (start, end));
    assert_eq!(rows.list(subnet).await.unwrap(), taken);

    // Given back from the top down: the lowest gap moves down with them, and is found where it opens.
    for hole in [6, 5, 3, 0] {
        assert_eq!(rows.delete(taken[hole].1).await.unwrap(), 1);
        let free = rows.find_free(subnet, start, end).await.unwrap();
        assert_eq!(free, Some(taken[hole].0));
    }
    let inner = |from: usize, to: usize| (taken[from].0, taken[to].0);
    for ((from, to), wanted) in [
        (inner(1, 2), None),
        (inner(1, 3), Some(3)),
        (inner(4, 7), Some(5)),
        (inner(7, 7), None),
        (inner(6, 6), Some(6)),
        (inner(6, 4), None),
    ] {
        let free = rows.find_free(subnet, from, to).await.unwrap();
        assert_eq!(free, wanted.map(|n: usize| taken[n].0), "{from} to {to}");
    }
    // Closing a gap in its middle and at its ends joins the runs again.
    for hole in [3, 5, 0, 6] {
        let (address, port) = taken[hole];
        rows.insert(subnet, address, port).await.unwrap();
    }
    assert_eq!(rows.find_free(subnet, start, end).await.unwrap(), None);
}
