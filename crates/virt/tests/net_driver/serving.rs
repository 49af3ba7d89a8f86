//! What guests get: addresses, routes, MTU, metadata.

use crate::guest::FakeGuest;
use crate::world::{World, network, nic};
use hatchery_ports::network_driver::NetworkDriver;

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
    assert_eq!(
        told["routes"],
        "169.254.169.254/32 10.71.0.2 0.0.0.0/0 10.71.0.1"
    );
    assert_eq!(
        guest.get("/openstack").await.0,
        404,
        "a caller whom nobody knows"
    );
    drop(guest);
    world.driver.unplug(network.id, nic.port).await.unwrap();
    world.remove(network.id).await;
}
