//! The DHCP server's configuration, as text. Pure.

use crate::net::folder::NetworkFolder;
use crate::net::names::{BRIDGE, METADATA_ADDRESS};
use crate::net::spec::ServedSubnet;
use std::fmt::Write;
use std::net::Ipv4Addr;
use std::time::Duration;

/// Routers to metadata, host routes, and the default route once more, since clients that take routes from this option
/// ignore the router option (RFC 3442).
const CLASSLESS_ROUTES: u8 = 121;
/// The same, for Windows.
const MICROSOFT_ROUTES: u8 = 249;
const ROUTER: u8 = 3;
const NAME_SERVERS: u8 = 6;
const MTU: u8 = 26;

/// The whole file.
pub(super) fn text(
    folder: &NetworkFolder,
    mtu: u32,
    subnets: &[ServedSubnet],
    lease: Duration,
    user: Option<&str>,
) -> String {
    let mut text = format!(
        "# Written by Hatchery, which overwrites it.\n\
         port=0\n\
         no-hosts\n\
         bind-interfaces\n\
         interface={BRIDGE}\n\
         except-interface=lo\n\
         dhcp-authoritative\n\
         dhcp-ignore-clid\n\
         dhcp-ignore=tag:!known\n\
         no-ping\n\
         dhcp-option={MTU},{mtu}\n\
         quiet-dhcp\n\
         dhcp-lease-max={most}\n\
         pid-file={process_id}\n\
         dhcp-leasefile={leases}\n\
         dhcp-hostsdir={hosts}\n",
        most = most_leases(subnets),
        process_id = folder.process_id().display(),
        leases = folder.leases().display(),
        hosts = folder.hosts().display(),
    );
    if let Some(user) = user {
        text.push_str(&format!("user={user}\n"));
    }
    for subnet in subnets.iter().filter(|subnet| subnet.dhcp) {
        add_subnet(&mut text, subnet, subnets, lease);
    }
    text
}

/// How the server is told that an entry is for this subnet.
fn tag(subnet: &ServedSubnet) -> String {
    format!("subnet-{}", subnet.id)
}

fn add_subnet(text: &mut String, subnet: &ServedSubnet, all: &[ServedSubnet], lease: Duration) {
    let tag = tag(subnet);
    let mut line = |line: String| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{line}");
    };
    line(format!(
        "dhcp-range=set:{tag},{},static,{},{}s",
        subnet.cidr.network(),
        subnet.cidr.netmask(),
        lease.as_secs()
    ));
    // Without these, the server names itself as router and name server.
    line(option(&tag, ROUTER, &subnet.gateway.map_or(String::new(), |a| a.to_string())));
    line(option(&tag, NAME_SERVERS, &join(subnet.dns.iter())));
    let routes = routes(subnet, all);
    line(option(&tag, CLASSLESS_ROUTES, &routes));
    line(option(&tag, MICROSOFT_ROUTES, &routes));
}

fn option(tag: &str, number: u8, value: &str) -> String {
    let comma = if value.is_empty() { "" } else { "," };
    format!("dhcp-option=tag:{tag},{number}{comma}{value}")
}

fn routes(subnet: &ServedSubnet, all: &[ServedSubnet]) -> String {
    let mut pairs = vec![format!("{METADATA_ADDRESS}/32,{}", subnet.server)];
    for (destination, next_hop) in &subnet.routes {
        pairs.push(format!("{destination},{next_hop}"));
    }
    // The network's other subnets are on the same wire.
    for other in all.iter().filter(|other| other.cidr != subnet.cidr) {
        pairs.push(format!("{},{}", other.cidr, Ipv4Addr::UNSPECIFIED));
    }
    let has_default = subnet.routes.iter().any(|(to, _)| to.prefix_len() == 0);
    if let Some(gateway) = subnet.gateway.filter(|_| !has_default) {
        pairs.push(format!("0.0.0.0/0,{gateway}"));
    }
    join(pairs.iter())
}

fn join<T: ToString>(items: impl Iterator<Item = T>) -> String {
    items.map(|item| item.to_string()).collect::<Vec<_>>().join(",")
}

/// As many as there are addresses, up to what a list in memory can bear.
fn most_leases(subnets: &[ServedSubnet]) -> u64 {
    let addresses = |subnet: &ServedSubnet| 1u64 << (32 - subnet.cidr.prefix_len());
    subnets.iter().map(addresses).sum::<u64>().clamp(1, 1 << 20)
}
