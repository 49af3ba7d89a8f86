//! What every network driver must do, one that makes nothing included: run [`all`] on one with a host of its own.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a suite is test code: what fails here fails the test"
)]

use crate::network_driver::{NetworkDriver, NetworkError};
use hatchery_model::compute::GuestNic;
use hatchery_model::id::{NetworkId, PortId, SubnetId};
use hatchery_model::network::{MacAddress, NetworkSpec, NicAddress, SubnetSpec};
use uuid::Uuid;

/// Runs every suite. `seed` makes the ids: two runs on one machine at a time need different ones.
pub async fn all(driver: &dyn NetworkDriver, seed: u32) {
    a_network_is_made_once_and_removed_once(driver, seed).await;
    a_port_is_plugged_again_and_again(driver, seed).await;
    a_network_that_is_not_ready_takes_no_port(driver, seed).await;
    networks_with_the_same_addresses_stand_side_by_side(driver, seed).await;
    a_changed_network_is_brought_in_line(driver, seed).await;
    what_can_never_work_is_refused(driver, seed).await;
}

/// A network with one subnet; `number` tells those of one run apart.
fn network(seed: u32, number: u8) -> NetworkSpec {
    NetworkSpec {
        id: NetworkId(id(seed, 1, number)),
        mtu: 1450,
        host_access: false,
        subnets: vec![SubnetSpec {
            id: SubnetId(id(seed, 2, number)),
            cidr: "10.99.0.0/24".parse().unwrap(),
            gateway: Some("10.99.0.1".parse().unwrap()),
            dhcp: true,
            server_address: Some("10.99.0.2".parse().unwrap()),
            dns: Vec::new(),
            host_routes: Vec::new(),
        }],
    }
}

fn nic(network: &NetworkSpec, seed: u32, number: u8) -> GuestNic {
    let subnet = network
        .subnets
        .first()
        .map(|subnet| NicAddress { subnet: subnet.id, address: [10, 99, 0, 10 + number].into() });
    GuestNic {
        port: PortId(id(seed, 3, number)),
        network: network.clone(),
        mac: MacAddress::generated([9, 9, number]),
        addresses: subnet.into_iter().collect(),
        port_security: true,
    }
}

/// The first eight hex digits name interfaces, so they differ.
fn id(seed: u32, kind: u8, number: u8) -> Uuid {
    let first = seed.wrapping_mul(1 << 12) | u32::from(kind) << 8 | u32::from(number);
    Uuid::from_u128(u128::from(first) << 96 | 0x4000_8000_0000_0000_0000)
}

async fn has(driver: &dyn NetworkDriver, network: &NetworkSpec) -> bool {
    driver.list_networks().await.unwrap().contains(&network.id)
}

async fn a_network_is_made_once_and_removed_once(driver: &dyn NetworkDriver, seed: u32) {
    let network = network(seed, 1);
    assert!(!has(driver, &network).await);
    driver.remove_network(network.id).await.unwrap();
    for _ in 0..2 {
        driver.ensure_network(&network).await.unwrap();
        assert!(has(driver, &network).await);
    }
    for _ in 0..2 {
        driver.remove_network(network.id).await.unwrap();
        assert!(!has(driver, &network).await);
    }
}

async fn a_port_is_plugged_again_and_again(driver: &dyn NetworkDriver, seed: u32) {
    let network = network(seed, 2);
    driver.ensure_network(&network).await.unwrap();
    let (one, other) = (nic(&network, seed, 1), nic(&network, seed, 2));
    let first = driver.plug(&one).await.unwrap();
    let second = driver.plug(&other).await.unwrap();
    assert_ne!(first.name, second.name);
    // The first still holds its descriptor: a guest whose agent has died.
    let replaced = driver.plug(&one).await.unwrap();
    assert_eq!(replaced.name, first.name);
    drop((first, replaced));
    let again = driver.plug(&one).await.unwrap();
    for _ in 0..2 {
        driver.unplug(network.id, one.port).await.unwrap();
    }
    drop(again);
    // Its address and hardware address may go to another port.
    let heir = GuestNic { port: PortId(id(seed, 3, 3)), ..one };
    drop(driver.plug(&heir).await.unwrap());
    driver.remove_network(network.id).await.unwrap();
    driver.unplug(network.id, heir.port).await.unwrap();
}

async fn a_network_that_is_not_ready_takes_no_port(driver: &dyn NetworkDriver, seed: u32) {
    let network = network(seed, 3);
    let nic = nic(&network, seed, 4);
    assert!(matches!(driver.plug(&nic).await, Err(NetworkError::Unavailable { .. })));
    driver.ensure_network(&network).await.unwrap();
    driver.remove_network(network.id).await.unwrap();
    assert!(matches!(driver.plug(&nic).await, Err(NetworkError::Unavailable { .. })));
    assert!(!has(driver, &network).await, "a refused port leaves nothing");
}

async fn networks_with_the_same_addresses_stand_side_by_side(
    driver: &dyn NetworkDriver,
    seed: u32,
) {
    let (one, other) = (network(seed, 4), network(seed, 5));
    driver.ensure_network(&one).await.unwrap();
    driver.ensure_network(&other).await.unwrap();
    assert!(has(driver, &one).await && has(driver, &other).await);
    let _taps = (
        driver.plug(&nic(&one, seed, 5)).await.unwrap(),
        driver
            .plug(&GuestNic { port: PortId(id(seed, 3, 6)), ..nic(&other, seed, 5) })
            .await
            .unwrap(),
    );
    driver.remove_network(one.id).await.unwrap();
    assert!(!has(driver, &one).await && has(driver, &other).await);
    driver.remove_network(other.id).await.unwrap();
}

async fn a_changed_network_is_brought_in_line(driver: &dyn NetworkDriver, seed: u32) {
    let mut network = network(seed, 6);
    driver.ensure_network(&network).await.unwrap();
    let _tap = driver.plug(&nic(&network, seed, 7)).await.unwrap();
    network.mtu = 1400;
    network.subnets[0].dns.push("9.9.9.9".parse().unwrap());
    driver.ensure_network(&network).await.unwrap();
    network.subnets[0].dhcp = false;
    driver.ensure_network(&network).await.unwrap();
    network.subnets.clear();
    driver.ensure_network(&network).await.unwrap();
    driver.remove_network(network.id).await.unwrap();
}

async fn what_can_never_work_is_refused(driver: &dyn NetworkDriver, seed: u32) {
    let good = network(seed, 7);
    let mut tiny = good.clone();
    tiny.mtu = 67;
    let mut elsewhere = good.clone();
    elsewhere.subnets[0].server_address = Some("192.0.2.1".parse().unwrap());
    for bad in [tiny, elsewhere] {
        let refused = driver.ensure_network(&bad).await;
        assert!(matches!(refused, Err(NetworkError::Invalid(_))), "{refused:?}");
        assert!(!has(driver, &bad).await, "a refused network leaves nothing");
    }
}
