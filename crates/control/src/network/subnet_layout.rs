//! What a subnet's addresses may be: CIDR, gateway, pools and routes checked against each other. Pure.

use super::ranges::{bounds, same_family, step, usable};
use super::refusal::Refusal;
use hatchery_model::network::{AddressRange, HostRoute};
use ipnet::IpNet;
use std::collections::BTreeSet;
use std::net::IpAddr;

/// Neutron's `max_dns_nameservers`.
const MAX_DNS: usize = 5;
/// Neutron's `max_subnet_host_routes`.
const MAX_ROUTES: usize = 20;

/// The CIDR without host bits, if guests can be on it.
pub(super) fn checked_cidr(cidr: IpNet, version: Option<u8>) -> Result<IpNet, Refusal> {
    let cidr = cidr.trunc();
    let is_v4 = cidr.addr().is_ipv4();
    if version.is_some_and(|version| (version == 4) != is_v4) {
        return Err(Refusal::InvalidInput(format!(
            "the cidr {cidr} is not of the ip_version that was given"
        )));
    }
    let addr = cidr.addr();
    let is_odd = cidr.prefix_len() == 0
        || addr.is_multicast()
        || addr.is_loopback()
        || addr.is_unspecified()
        || bounds(&cidr).is_none();
    if is_odd {
        return Err(Refusal::InvalidInput(format!("no guests can be on the cidr {cidr}")));
    }
    Ok(cidr)
}

/// The gateway when none is asked for: the first address, unless there is nearly no other.
pub(super) fn default_gateway(cidr: &IpNet) -> Option<IpAddr> {
    let (first, last) = bounds(cidr)?;
    (first != last && cidr.prefix_len() < cidr.max_prefix_len() - 1).then_some(first)
}

/// Refuses a gateway that guests on the subnet could not reach.
pub(super) fn checked_gateway(cidr: &IpNet, gateway: IpAddr) -> Result<(), Refusal> {
    if usable(cidr, gateway) {
        Ok(())
    } else {
        Err(Refusal::InvalidInput(format!("the gateway {gateway} is not an address of {cidr}")))
    }
}

/// All addresses but the gateway's.
pub(super) fn default_pools(cidr: &IpNet, gateway: Option<IpAddr>) -> Vec<AddressRange> {
    let Some((start, end)) = bounds(cidr) else {
        return Vec::new();
    };
    let whole = AddressRange { start, end };
    match gateway.filter(|gateway| holds(&whole, *gateway)) {
        None => vec![whole],
        Some(gateway) => {
            let below = (gateway != start).then(|| AddressRange { start, end: step(gateway, -1) });
            let above = (gateway != end).then(|| AddressRange { start: step(gateway, 1), end });
            below.into_iter().chain(above).collect()
        }
    }
}

/// The pools in the order of their addresses, if each lies in the subnet, none overlaps another, and none has the gateway.
pub(super) fn checked_pools(
    cidr: &IpNet,
    gateway: Option<IpAddr>,
    mut pools: Vec<AddressRange>,
) -> Result<Vec<AddressRange>, Refusal> {
    for pool in &pools {
        let inside = usable(cidr, pool.start) && usable(cidr, pool.end);
        if !inside || pool.start > pool.end {
            return Err(Refusal::InvalidAllocationPool(text(pool)));
        }
    }
    pools.sort_by_key(|pool| pool.start);
    for pair in pools.windows(2) {
        if let [one, next] = pair
            && one.end >= next.start
        {
            return Err(Refusal::OverlappingAllocationPools(format!(
                "{} and {}",
                text(one),
                text(next)
            )));
        }
    }
    gateway_outside(gateway, &pools)?;
    Ok(pools)
}

/// Refuses a gateway that a pool would hand out.
pub(super) fn gateway_outside(
    gateway: Option<IpAddr>,
    pools: &[AddressRange],
) -> Result<(), Refusal> {
    match gateway {
        Some(gateway) if pools.iter().any(|pool| holds(pool, gateway)) => {
            Err(Refusal::GatewayConflictWithAllocationPools(gateway))
        }
        Some(_) | None => Ok(()),
    }
}

/// Refuses too many name servers, or the same twice.
pub(super) fn checked_dns(dns: &[IpAddr]) -> Result<(), Refusal> {
    if dns.len() > MAX_DNS {
        return Err(Refusal::DnsNameServersExhausted(MAX_DNS));
    }
    if dns.iter().collect::<BTreeSet<_>>().len() < dns.len() {
        return Err(Refusal::InvalidInput("dns_nameservers has an address twice".into()));
    }
    Ok(())
}

/// Refuses too many routes, the same destination twice, or a next hop of another IP version.
pub(super) fn checked_routes(routes: &[HostRoute]) -> Result<(), Refusal> {
    if routes.len() > MAX_ROUTES {
        return Err(Refusal::HostRoutesExhausted(MAX_ROUTES));
    }
    let mut seen = BTreeSet::new();
    for route in routes {
        if !same_family(route.destination.addr(), route.next_hop) {
            return Err(Refusal::InvalidInput(format!(
                "the host route to {} has a next hop of another IP version",
                route.destination
            )));
        }
        if !seen.insert((route.destination, route.next_hop)) {
            return Err(Refusal::InvalidInput("host_routes has a route twice".into()));
        }
    }
    Ok(())
}

fn holds(pool: &AddressRange, address: IpAddr) -> bool {
    same_family(pool.start, address) && pool.start <= address && address <= pool.end
}

fn text(pool: &AddressRange) -> String {
    format!("{}-{}", pool.start, pool.end)
}

#[cfg(test)]
mod tests {
    use super::{checked_cidr, checked_pools, default_gateway, default_pools};
    use hatchery_model::network::AddressRange;

    fn pool(text: &str) -> AddressRange {
        let (start, end) = text.split_once('-').unwrap();
        AddressRange { start: start.parse().unwrap(), end: end.parse().unwrap() }
    }

    fn shown(pools: &[AddressRange]) -> Vec<String> {
        pools.iter().map(super::text).collect()
    }

    #[test]
    fn pools_leave_the_gateway_out() {
        for (cidr, gateway, pools) in [
            ("10.0.0.0/24", Some("10.0.0.1"), vec!["10.0.0.2-10.0.0.254"]),
            ("10.0.0.0/24", None, vec!["10.0.0.1-10.0.0.254"]),
            ("10.0.0.0/24", Some("10.0.0.254"), vec!["10.0.0.1-10.0.0.253"]),
            ("10.0.0.0/29", Some("10.0.0.3"), vec!["10.0.0.1-10.0.0.2", "10.0.0.4-10.0.0.6"]),
            ("10.0.0.0/30", Some("10.0.0.1"), vec!["10.0.0.2-10.0.0.2"]),
            ("10.0.0.0/31", None, vec!["10.0.0.0-10.0.0.1"]),
            ("fd00::/64", Some("fd00::1"), vec!["fd00::2-fd00::ffff:ffff:ffff:ffff"]),
        ] {
            let gateway = gateway.map(|gateway| gateway.parse().unwrap());
            let made = default_pools(&cidr.parse().unwrap(), gateway);
            assert_eq!(shown(&made), pools, "{cidr} {gateway:?}");
        }
    }

    #[test]
    fn the_usual_gateway_is_the_first_address() {
        for (cidr, gateway) in [
            ("10.0.0.0/24", Some("10.0.0.1")),
            ("10.0.0.0/30", Some("10.0.0.1")),
            ("10.0.0.0/31", None),
            ("10.0.0.7/32", None),
            ("fd00::/64", Some("fd00::1")),
            ("fd00::/127", None),
        ] {
            let gateway = gateway.map(|gateway| gateway.parse().unwrap());
            assert_eq!(default_gateway(&cidr.parse().unwrap()), gateway, "{cidr}");
        }
    }

    #[test]
    fn odd_cidrs_are_refused_and_host_bits_dropped() {
        let checked = checked_cidr("10.0.0.9/24".parse().unwrap(), Some(4)).unwrap();
        assert_eq!(checked.to_string(), "10.0.0.0/24");
        for bad in ["0.0.0.0/0", "127.0.0.0/8", "224.0.0.0/24", "::/0", "::/64"] {
            assert!(checked_cidr(bad.parse().unwrap(), None).is_err(), "{bad}");
        }
        assert!(checked_cidr("10.0.0.0/24".parse().unwrap(), Some(6)).is_err());
    }

    #[test]
    fn pools_are_sorted_and_checked() {
        let cidr = "10.0.0.0/24".parse().unwrap();
        let gateway = Some("10.0.0.1".parse().unwrap());
        let good = vec![pool("10.0.0.100-10.0.0.200"), pool("10.0.0.2-10.0.0.9")];
        let checked = checked_pools(&cidr, gateway, good).unwrap();
        assert_eq!(shown(&checked), ["10.0.0.2-10.0.0.9", "10.0.0.100-10.0.0.200"]);
        for bad in [
            vec!["10.0.0.9-10.0.0.2"],
            vec!["10.0.0.0-10.0.0.9"],
            vec!["10.0.0.9-10.0.0.255"],
            vec!["10.0.1.1-10.0.1.2"],
            vec!["fd00::1-fd00::2"],
            vec!["10.0.0.2-10.0.0.9", "10.0.0.9-10.0.0.10"],
            vec!["10.0.0.1-10.0.0.9"],
        ] {
            let pools = bad.iter().map(|text| pool(text)).collect();
            assert!(checked_pools(&cidr, gateway, pools).is_err(), "{bad:?}");
        }
    }
}
