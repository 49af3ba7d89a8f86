//! Frames made by hand, and a socket that sends and receives them as they are.

use crate::guest::FakeGuest;
use hatchery_model::network::MacAddress;
use nix::sys::socket::sockopt::ReceiveTimeout;
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, bind, recv, send, setsockopt, socket,
};
use nix::sys::time::{TimeVal, TimeValLike};
use std::net::{Ipv4Addr, Ipv6Addr};
use std::os::fd::{AsRawFd, OwnedFd};

pub const ARP: u16 = 0x0806;
pub const IPV4: u16 = 0x0800;
pub const IPV6: u16 = 0x86dd;
const UDP: u8 = 17;
const ICMPV6: u8 = 58;

/// By which a frame is known again, with a number behind it. It is a part of each payload, since a bridge cuts off what
/// stands behind one.
pub const MARK: &[u8] = b"<mark ";
const BLANK: u8 = 0xff;

/// A guest's interface without its kernel.
pub struct Raw(OwnedFd);

impl Raw {
    pub fn of(guest: &FakeGuest) -> Self {
        let open = || {
            let all = SockProtocol::EthAll;
            let fd = socket(AddressFamily::Packet, SockType::Raw, SockFlag::SOCK_CLOEXEC, all);
            let fd = fd.unwrap();
            let card = nix::ifaddrs::getifaddrs().unwrap().find_map(|entry| {
                let address = entry.address.filter(|_| entry.interface_name == "eth0")?;
                address.as_link_addr().copied()
            });
            bind(fd.as_raw_fd(), &card.unwrap()).unwrap();
            setsockopt(&fd, ReceiveTimeout, &TimeVal::seconds(10)).unwrap();
            fd
        };
        Self(guest.inside(open))
    }

    pub fn send(&self, frame: &[u8]) {
        assert_eq!(send(self.0.as_raw_fd(), frame, MsgFlags::empty()).unwrap(), frame.len());
    }

    pub fn receive(&self) -> Vec<u8> {
        let mut bytes = vec![0; 4096];
        let length = recv(self.0.as_raw_fd(), &mut bytes, MsgFlags::empty());
        bytes.truncate(length.expect("a frame arrives"));
        bytes
    }
}

/// The frame with its mark filled in.
pub fn numbered(frame: &[u8], number: usize) -> Vec<u8> {
    let mut frame = frame.to_vec();
    let at = mark_of(&frame).expect("a frame of this module");
    frame[at] = number as u8;
    frame
}

/// The number of a marked frame.
pub fn number_of(frame: &[u8]) -> Option<usize> {
    Some(usize::from(frame[mark_of(frame)?]))
}

fn mark_of(frame: &[u8]) -> Option<usize> {
    Some(frame.windows(MARK.len()).position(|window| window == MARK)? + MARK.len())
}

fn mark() -> Vec<u8> {
    [MARK, &[BLANK]].concat()
}

/// Of a protocol that nobody knows.
pub fn nonsense(from: MacAddress, kind: u16) -> Vec<u8> {
    ethernet(from, kind, &mark())
}

/// To everybody.
pub fn ethernet(from: MacAddress, kind: u16, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0xff; 6];
    bytes.extend(from.0);
    bytes.extend(kind.to_be_bytes());
    bytes.extend(payload);
    bytes
}

/// The same frame with a tag of priority only, which a receiver takes off.
pub fn tagged(frame: &[u8]) -> Vec<u8> {
    [&frame[..12], &[0x81, 0, 0, 0], &frame[12..]].concat()
}

/// The same frame with its type behind a length and a SNAP header.
pub fn snap(frame: &[u8]) -> Vec<u8> {
    let length = (frame.len() - 12 + 6) as u16;
    let header = [0xaa, 0xaa, 3, 0, 0, 0];
    [&frame[..12], &length.to_be_bytes(), &header, &frame[12..]].concat()
}

pub fn arp(operation: u8, mac: MacAddress, address: Ipv4Addr) -> Vec<u8> {
    let mut bytes = vec![0, 1, 8, 0, 6, 4, 0, operation];
    bytes.extend(mac.0);
    bytes.extend(address.octets());
    bytes.extend([0; 6]);
    bytes.extend(address.octets());
    bytes.extend(mark());
    bytes
}

pub fn ipv4(from: Ipv4Addr, payload: &[u8]) -> Vec<u8> {
    fragment(from, 0, payload)
}

/// `place`: offset in eights, and 0x2000 if more follows.
pub fn fragment(from: Ipv4Addr, place: u16, payload: &[u8]) -> Vec<u8> {
    let payload = [payload, &mark()].concat();
    let mut bytes = vec![0x45, 0];
    bytes.extend((20 + payload.len() as u16).to_be_bytes());
    bytes.extend([0, 7]);
    bytes.extend(place.to_be_bytes());
    bytes.extend([64, UDP, 0, 0]);
    bytes.extend(from.octets());
    bytes.extend([255; 4]);
    let sum = bytes.chunks(2).map(|pair| u32::from(pair[0]) << 8 | u32::from(pair[1])).sum::<u32>();
    let sum = !((sum & 0xffff) + (sum >> 16)) as u16;
    bytes[10..12].copy_from_slice(&sum.to_be_bytes());
    bytes.extend(payload);
    bytes
}

pub fn udp(from: u16, to: u16, payload: &[u8]) -> Vec<u8> {
    let mut bytes = [from, to, 8 + payload.len() as u16, 0].map(u16::to_be_bytes).concat();
    bytes.extend(payload);
    bytes
}

/// A client's message as far as it names the client.
pub fn dhcp_request(client: MacAddress) -> Vec<u8> {
    let mut message = vec![0; 236];
    message[..3].copy_from_slice(&[1, 1, 6]);
    message[28..34].copy_from_slice(&client.0);
    udp(68, 67, &message)
}

fn ipv6(from: Ipv6Addr, next: u8, payload: &[u8]) -> Vec<u8> {
    let payload = [payload, &mark()].concat();
    let mut bytes = vec![0x60, 0, 0, 0];
    bytes.extend((payload.len() as u16).to_be_bytes());
    bytes.extend([next, 255]);
    bytes.extend(from.octets());
    bytes.extend(Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1).octets());
    bytes.extend(payload);
    bytes
}

pub fn udp6(from: Ipv6Addr, port: u16) -> Vec<u8> {
    ipv6(from, UDP, &udp(port, 546, &[]))
}

/// A neighbour discovery message of that type, with that target.
pub fn discovery(from: Ipv6Addr, kind: u8, target: Ipv6Addr) -> Vec<u8> {
    let mut message = vec![kind, 0, 0, 0, 0, 0, 0, 0];
    message.extend(target.octets());
    ipv6(from, ICMPV6, &message)
}
