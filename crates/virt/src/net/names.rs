//! Names and addresses of the things that the driver makes: each follows from an id, so that it is found again.

use hatchery_model::id::{NetworkId, PortId};
use hatchery_model::network::MacAddress;
use std::net::Ipv4Addr;

/// The bridge, in each namespace.
pub(super) const BRIDGE: &str = "bridge";
/// The bridge's end of the pair that leads to the host.
pub(super) const TO_HOST: &str = "to-host";
/// Where guests ask for their metadata.
pub(super) const METADATA_ADDRESS: Ipv4Addr = Ipv4Addr::new(169, 254, 169, 254);

/// A network's namespace.
pub(super) fn namespace(prefix: &str, network: NetworkId) -> String {
    format!("{prefix}-{network}")
}

/// The network whose namespace has this name.
pub(super) fn network_of(prefix: &str, namespace: &str) -> Option<NetworkId> {
    let id = namespace.strip_prefix(prefix)?.strip_prefix('-')?;
    let network: NetworkId = id.parse().ok()?;
    // Only the spelling that this driver writes.
    (network.to_string() == id).then_some(network)
}

/// A port's tap, as OpenStack calls it.
pub(super) fn tap(port: PortId) -> String {
    let id = port.to_string();
    format!("tap{}", id.get(..11).unwrap_or(&id))
}

/// The host's end of the pair that leads into a network.
pub(super) fn host_link(network: NetworkId) -> String {
    let id = network.to_string();
    format!("hat{}", id.get(..8).unwrap_or(&id))
}

/// The bridge's own hardware address. A bridge without one takes its lowest port's, and changes it under its guests.
pub(super) fn bridge_mac(network: NetworkId) -> MacAddress {
    own_mac(0x02, network)
}

/// The hardware address of the host's end.
pub(super) fn host_mac(network: NetworkId) -> MacAddress {
    own_mac(0x06, network)
}

fn own_mac(first: u8, network: NetworkId) -> MacAddress {
    let [a, b, c, d, e, ..] = *network.0.as_bytes();
    MacAddress([first, a, b, c, d, e])
}

#[cfg(test)]
mod tests {
    use super::{bridge_mac, host_link, namespace, network_of, tap};
    use hatchery_model::id::{NetworkId, PortId};

    #[test]
    fn names_fit_the_kernel_and_are_read_back() {
        let network: NetworkId = "0f3c1a52-9d7e-4b61-8a11-2233445566ff".parse().unwrap();
        let port: PortId = "c0ffee00-1234-4b61-8a11-2233445566ff".parse().unwrap();
        assert_eq!(tap(port), "tapc0ffee00-12");
        assert_eq!(host_link(network), "hat0f3c1a52");
        assert!(tap(port).len() < 16 && host_link(network).len() < 16);
        let name = namespace("hatchery", network);
        assert_eq!(network_of("hatchery", &name), Some(network));
        for other in
            ["hatchery", "hatchery-", "hatchery-x", "hatcher-0f3c1a52-9d7e-4b61-8a11-2233445566ff"]
        {
            assert_eq!(network_of("hatchery", other), None, "{other}");
        }
        assert_eq!(network_of("hatchery", &name.to_uppercase()), None);
        // Locally administered, and no group address.
        assert_eq!(bridge_mac(network).0[0] & 3, 2);
    }
}
