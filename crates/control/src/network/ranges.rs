//! Which addresses of a subnet can be given to a port: pure arithmetic on CIDRs and ranges.

use ipnet::IpNet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Whether a port can have this address: inside, and neither the network's own address nor the broadcast address.
pub fn usable(cidr: &IpNet, address: IpAddr) -> bool {
    match bounds(cidr) {
        Some((first, last)) => same_family(first, address) && first <= address && address <= last,
        None => false,
    }
}

/// The first and the last address that ports can have. `None`: the subnet has none.
///
/// IPv4: all but the network's address and the broadcast address, where there are any others (a /31 has two, a /32 has one). IPv6: all but the first.
pub fn bounds(cidr: &IpNet) -> Option<(IpAddr, IpAddr)> {
    match cidr {
        IpNet::V4(net) => {
            let (first, last) = (u32::from(net.network()), u32::from(net.broadcast()));
            let (first, last) =
                if net.prefix_len() >= 31 { (first, last) } else { (first + 1, last - 1) };
            Some((Ipv4Addr::from(first).into(), Ipv4Addr::from(last).into()))
        }
        IpNet::V6(net) => {
            let (first, last) = (u128::from(net.network()), u128::from(net.broadcast()));
            let first = if net.prefix_len() >= 127 { first } else { first + 1 };
            (first <= last).then(|| (Ipv6Addr::from(first).into(), Ipv6Addr::from(last).into()))
        }
    }
}

/// Whether both are of one IP version.
pub fn same_family(a: IpAddr, b: IpAddr) -> bool {
    a.is_ipv4() == b.is_ipv4()
}

/// The address `by` places further on; stays where it is at the ends of the address space.
pub fn step(address: IpAddr, by: i8) -> IpAddr {
    match address {
        IpAddr::V4(address) => {
            let moved = address.to_bits().checked_add_signed(by.into());
            moved.map_or(address, Ipv4Addr::from_bits).into()
        }
        IpAddr::V6(address) => {
            let moved = address.to_bits().checked_add_signed(by.into());
            moved.map_or(address, Ipv6Addr::from_bits).into()
        }
    }
}
