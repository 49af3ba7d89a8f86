//! Giving an address back in a guest's name. The DHCP server has no other door for it.

use super::leases;
use crate::net::folder::NetworkFolder;
use crate::net::names::BRIDGE;
use crate::net::namespace::Namespace;
use hatchery_model::network::MacAddress;
use nix::sys::socket::{setsockopt, sockopt::BindToDevice};
use std::ffi::OsString;
use std::io;
use std::net::{Ipv4Addr, UdpSocket};
use std::time::Duration;

const SERVER_PORT: u16 = 67;
/// How often the packet is sent, and how often after each the server's notes are looked at.
const ATTEMPTS: u32 = 3;
const LOOKS: u32 = 100;
/// Between two looks: the server answers within a fraction of it, and signals nobody.
const PAUSE: Duration = Duration::from_millis(2);

/// Has the server take `address` back from `mac`, and returns when it has. `TimedOut` when it does not.
pub(super) async fn release(
    namespace: &Namespace,
    folder: &NetworkFolder,
    address: Ipv4Addr,
    mac: MacAddress,
    server: Ipv4Addr,
) -> io::Result<()> {
    for _ in 0..ATTEMPTS {
        let packet = packet(address, mac, server);
        namespace
            .run(move || {
                let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
                // So that the server sees it come from the bridge, where it listens.
                setsockopt(&socket, BindToDevice, &OsString::from(BRIDGE))?;
                socket.send_to(&packet, (server, SERVER_PORT)).map(|_| ())
            })
            .await?;
        for _ in 0..LOOKS {
            if leases::lent_to(&folder.leases(), address)? != Some(mac) {
                return Ok(());
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
    Err(io::Error::new(
        io::ErrorKind::TimedOut,
        format!("the DHCP server does not take {address} back from {mac}"),
    ))
}

/// DHCPRELEASE (RFC 2131).
fn packet(address: Ipv4Addr, mac: MacAddress, server: Ipv4Addr) -> Vec<u8> {
    const FIXED: usize = 236;
    let mut packet = vec![0; FIXED];
    // A request, over Ethernet, whose addresses have six bytes.
    packet.splice(..3, [1, 1, 6]);
    packet.splice(12..16, address.octets());
    packet.splice(28..34, mac.0);
    packet.extend([99, 130, 83, 99]);
    packet.extend([53, 1, 7]);
    packet.extend([54, 4]);
    packet.extend(server.octets());
    packet.push(255);
    // No server takes less than BOOTP's smallest packet.
    packet.resize(300, 0);
    packet
}
