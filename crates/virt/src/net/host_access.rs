//! The pair of interfaces by which the host reaches a network's guests: one end on the bridge, the other in the root
//! namespace with the gateway's address. Nothing is forwarded.

use super::bridge;
use super::link::{Link, Links};
use super::names::{self, TO_HOST};
use super::namespace::{Namespace, on_new_thread, set_kernel};
use super::spec::ServedSubnet;
use hatchery_model::id::NetworkId;
use hatchery_model::network::NetworkSpec;
use rtnetlink::packet_route::link::{InfoData, InfoVeth};
use rtnetlink::{LinkMessageBuilder, LinkUnspec, LinkVeth};
use std::io;
use std::os::fd::AsRawFd;

/// Makes the pair, or removes it, as the network wants.
pub(super) async fn ensure(
    host: &Links,
    inside: &Links,
    namespace: &Namespace,
    network: &NetworkSpec,
    subnets: &[ServedSubnet],
) -> io::Result<()> {
    let name = names::host_link(network.id);
    let gateways: Vec<_> = subnets
        .iter()
        .filter_map(|subnet| Some((subnet.gateway?, subnet.cidr.prefix_len())))
        .collect();
    if !network.host_access || gateways.is_empty() {
        return remove(host, network.id).await;
    }
    if !is_whole(host, inside, &name).await? {
        remove(host, network.id).await?;
        inside.remove(TO_HOST).await?;
        make(host, namespace, network.id, &name).await?;
    }
    bridge::attach(inside, TO_HOST, network.mtu).await?;
    quieten(&name).await?;
    let end = host.get(&name).await?;
    host.ensure_up(&end, network.mtu).await?;
    host.set_addresses(&end, &gateways).await
}

/// Removes the pair; `Ok` when there is none. An interface of that name which is no pair is someone else's, and left.
pub(super) async fn remove(host: &Links, network: NetworkId) -> io::Result<()> {
    let name = names::host_link(network);
    match host.find(&name).await? {
        Some(Link { is_pair: true, .. }) => host.remove(&name).await,
        _ => Ok(()),
    }
}

async fn is_whole(host: &Links, inside: &Links, name: &str) -> io::Result<bool> {
    let (outer, inner) = (host.find(name).await?, inside.find(TO_HOST).await?);
    Ok(match (outer, inner) {
        (Some(outer), Some(inner)) => {
            outer.is_pair && outer.peer == Some(inner.index) && inner.peer == Some(outer.index)
        }
        _ => false,
    })
}

/// Makes both ends in one step, each where it belongs.
async fn make(
    host: &Links,
    namespace: &Namespace,
    network: NetworkId,
    name: &str,
) -> io::Result<()> {
    let inner =
        LinkUnspec::new_with_name(TO_HOST).setns_by_fd(namespace.file().as_raw_fd()).build();
    let pair = LinkMessageBuilder::<LinkVeth>::new(name, TO_HOST)
        .set_info_data(InfoData::Veth(InfoVeth::Peer(inner)))
        .address(names::host_mac(network).0.to_vec())
        .build();
    host.add(pair).await
}

/// Keeps guests from giving the host IPv6 addresses and routes by router advertisements. Before the interface is up.
async fn quieten(name: &str) -> io::Result<()> {
    let setting = format!("net/ipv6/conf/{name}/disable_ipv6");
    on_new_thread(move || set_kernel(&setting, "1")).await
}
