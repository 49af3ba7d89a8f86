//! The contract, on the real driver and on the one that makes nothing.

use crate::world::{World, unique};
use hatchery_ports::contract::network_driver;
use hatchery_virt::net::SimNetworkDriver;

#[tokio::test(flavor = "multi_thread")]
async fn the_real_driver_keeps_the_contract() {
    let world = World::new();
    network_driver::all(&world.driver, unique() as u32).await;
}

#[tokio::test]
async fn the_driver_that_makes_nothing_keeps_the_contract() {
    network_driver::all(&SimNetworkDriver::default(), 1).await;
}
