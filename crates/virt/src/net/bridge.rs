//! The bridge of a network, and the addresses from which the host serves it.

use super::link::Links;
use super::names::{self, BRIDGE, METADATA_ADDRESS};
use super::namespace::{Namespace, set_kernel};
use super::spec::ServedSubnet;
use hatchery_model::network::NetworkSpec;
use rtnetlink::{LinkBridge, LinkUnspec};
use std::io;

/// Settles how the namespace as a whole behaves: it carries frames and answers, and routes nothing. IPv6 is off, since
/// nothing is served on it, and every tap would talk to its guest.
pub(super) async fn settle_namespace(namespace: &Namespace) -> io::Result<()> {
    namespace
        .run(|| {
            for (name, value) in [
                ("net/ipv6/conf/default/disable_ipv6", "1"),
                ("net/ipv6/conf/all/disable_ipv6", "1"),
                ("net/ipv4/ip_forward", "0"),
            ] {
                set_kernel(name, value)?;
            }
            Ok(())
        })
        .await
}

/// Makes the bridge, or brings it in line.
pub(super) async fn ensure(
    links: &Links,
    network: &NetworkSpec,
    subnets: &[ServedSubnet],
) -> io::Result<()> {
    let loopback = links.get("lo").await?;
    links.ensure_up(&loopback, loopback.mtu).await?;
    if links.find(BRIDGE).await?.is_none_or(|link| !link.is_bridge) {
        let bridge =
            LinkBridge::new(BRIDGE).address(names::bridge_mac(network.id).0.to_vec()).build();
        links.add(bridge).await?;
    }
    // It reads frames to the addresses reserved for bridges itself, before any rule sees them, and would learn from each
    // where its sender is.
    links.set_kind(LinkBridge::new(BRIDGE).no_linklocal_learn(true).build()).await?;
    let bridge = links.get(BRIDGE).await?;
    links.ensure_up(&bridge, network.mtu).await?;
    let mut addresses = vec![(METADATA_ADDRESS, 32)];
    addresses.extend(subnets.iter().map(|subnet| (subnet.server, subnet.cidr.prefix_len())));
    links.set_addresses(&bridge, &addresses).await
}

/// Takes an interface onto the bridge, up.
pub(super) async fn attach(links: &Links, name: &str, mtu: u32) -> io::Result<()> {
    let bridge = links.get(BRIDGE).await?;
    let link = links.get(name).await?;
    if link.controller == Some(bridge.index) && link.up && link.mtu == mtu {
        return Ok(());
    }
    let message = LinkUnspec::new_with_index(link.index).mtu(mtu).controller(bridge.index).up();
    links.set(message.build()).await
}
