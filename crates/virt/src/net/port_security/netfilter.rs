//! Changing the entries of the table's sets over netlink: one transaction, some ten microseconds, no process.
//!
//! The kernel counts the changes of a namespace's rules, whoever makes them. A transaction names the count that it builds
//! on, and the kernel refuses it when there has been another change meanwhile.

use super::ruleset::{Element, TABLE};
use nix::libc;
use rtnetlink::packet_core::{NLA_F_NESTED, NetlinkBuffer, NlasIterator};
use rtnetlink::sys::{Socket, constants::NETLINK_NETFILTER};
use std::fmt;
use std::io;
use std::sync::atomic::{AtomicU32, Ordering};

// From linux/netfilter/nf_tables.h and nfnetlink.h, as far as the C library has them not.
const ELEMENTS_TABLE: u16 = 1;
const ELEMENTS_SET: u16 = 2;
const ELEMENTS_LIST: u16 = 3;
const LIST_ITEM: u16 = 1;
const ELEMENT_KEY: u16 = 1;
const DATA_VALUE: u16 = 1;
const GENERATION_ID: u16 = 1;

const BEGIN: u16 = libc::NFNL_MSG_BATCH_BEGIN as u16;
const END: u16 = libc::NFNL_MSG_BATCH_END as u16;
const SUBSYSTEM: u16 = libc::NFNL_SUBSYS_NFTABLES as u16;
const REQUEST: u16 = libc::NLM_F_REQUEST as u16;
const CHANGE: u16 = REQUEST | libc::NLM_F_ACK as u16;
const CREATE: u16 = CHANGE | libc::NLM_F_CREATE as u16;
/// Of the netfilter header that begins each payload.
const HEADER: usize = 4;
/// Of netlink's own.
const NETLINK_HEADER: usize = 16;

/// A namespace's rules, of which only those of our table are changed.
pub(super) struct Netfilter {
    socket: Socket,
    sequence: AtomicU32,
}

impl fmt::Debug for Netfilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Netfilter").finish_non_exhaustive()
    }
}

/// The count after the change that follows on this one.
pub(super) fn next(generation: u32) -> u32 {
    generation.checked_add(1).unwrap_or(1)
}

impl Netfilter {
    /// Those of the calling thread's namespace.
    pub(super) fn open() -> io::Result<Self> {
        let socket = Socket::new(NETLINK_NETFILTER)?;
        // The kernel works while it is being sent to, and its answers are there when that returns.
        socket.set_non_blocking(true)?;
        socket.set_cap_ack(true)?;
        Ok(Self { socket, sequence: AtomicU32::new(0) })
    }

    /// The count of changes; 1 where there was never one.
    pub(super) fn generation(&self) -> io::Result<u32> {
        let own = self.numbers(1);
        self.send(&message(libc::NFT_MSG_GETGEN as u16 | SUBSYSTEM << 8, REQUEST, own, &[]))?;
        loop {
            let answer = self.receive()?;
            let answer = read(&answer)?;
            if answer.sequence_number() != own {
                continue;
            }
            refusal(&answer)?;
            let attributes = answer.payload().get(HEADER..).unwrap_or_default();
            for attribute in NlasIterator::new(attributes) {
                let attribute = attribute.map_err(unreadable)?;
                if attribute.kind() == GENERATION_ID
                    && let Ok(bytes) = <[u8; 4]>::try_from(attribute.value())
                {
                    return Ok(u32::from_be_bytes(bytes));
                }
            }
            return Err(io::Error::other("the kernel does not tell the generation of its rules"));
        }
    }

    /// Removes entries and adds others, all or nothing, and gives the new count. An error if `generation` is not the
    /// count any more, or an entry to be removed is not there.
    pub(super) fn change(
        &self,
        generation: u32,
        gone: &[&Element],
        new: &[&Element],
    ) -> io::Result<u32> {
        let wanted = (gone.len() + new.len()) as u32;
        let first = self.numbers(wanted + 2);
        let id = attribute(GENERATION_ID, &generation.to_be_bytes());
        let mut batch = message(BEGIN, REQUEST, first, &id);
        let changes = gone
            .iter()
            .map(|element| (libc::NFT_MSG_DELSETELEM, CHANGE, element))
            .chain(new.iter().map(|element| (libc::NFT_MSG_NEWSETELEM, CREATE, element)));
        for (own, (verb, flags, element)) in (first + 1..).zip(changes) {
            batch.extend(message(verb as u16 | SUBSYSTEM << 8, flags, own, &in_set(element)));
        }
        batch.extend(message(END, REQUEST, first + 1 + wanted, &[]));
        self.send(&batch)?;
        let mut done = 0;
        while done < wanted {
            let answer = self.receive()?;
            let answer = read(&answer)?;
            if (first..first + 2 + wanted).contains(&answer.sequence_number()) {
                refusal(&answer)?;
                done += 1;
            }
        }
        Ok(next(generation))
    }

    /// That many sequence numbers; gives the first. What is left unread of an earlier answer has others.
    fn numbers(&self, count: u32) -> u32 {
        // Far from the end of the numbers, so that a range of them never wraps.
        self.sequence.fetch_add(count, Ordering::Relaxed) & (u32::MAX >> 1)
    }

    fn send(&self, bytes: &[u8]) -> io::Result<()> {
        match self.socket.send(bytes, 0)? {
            sent if sent == bytes.len() => Ok(()),
            _ => Err(io::Error::other("the kernel took only a part of a message")),
        }
    }

    /// One answer. `WouldBlock` when there is none, which the kernel never leaves it at.
    fn receive(&self) -> io::Result<Vec<u8>> {
        Ok(self.socket.recv_from_full()?.0)
    }
}

fn read(answer: &[u8]) -> io::Result<NetlinkBuffer<&[u8]>> {
    NetlinkBuffer::new_checked(answer).map_err(unreadable)
}

fn unreadable(error: impl fmt::Display) -> io::Error {
    io::Error::other(format!("the kernel's answer cannot be read: {error}"))
}

/// The error in an answer; an acknowledgement is the error 0.
fn refusal(answer: &NetlinkBuffer<&[u8]>) -> io::Result<()> {
    if i32::from(answer.message_type()) != libc::NLMSG_ERROR {
        return Ok(());
    }
    let number = answer.payload().get(..4).and_then(|bytes| bytes.try_into().ok());
    match number.map(i32::from_ne_bytes) {
        Some(0) => Ok(()),
        Some(number) => Err(io::Error::from_raw_os_error(-number)),
        None => Err(unreadable("it is too short")),
    }
}

/// A message with the netfilter header; `attributes` are a multiple of four bytes.
fn message(kind: u16, flags: u16, sequence: u32, attributes: &[u8]) -> Vec<u8> {
    let is_bound = kind == BEGIN || kind == END;
    let family = if is_bound { libc::AF_UNSPEC } else { libc::NFPROTO_BRIDGE };
    let resource = if is_bound { SUBSYSTEM } else { 0 };
    let length = (NETLINK_HEADER + HEADER + attributes.len()) as u32;
    let mut bytes = Vec::with_capacity(length as usize);
    bytes.extend(length.to_ne_bytes());
    bytes.extend(kind.to_ne_bytes());
    bytes.extend(flags.to_ne_bytes());
    bytes.extend(sequence.to_ne_bytes());
    bytes.extend(0u32.to_ne_bytes());
    bytes.extend([family as u8, 0]);
    bytes.extend(resource.to_be_bytes());
    bytes.extend(attributes);
    bytes
}

fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(4 + value.len().next_multiple_of(4));
    bytes.extend((4 + value.len() as u16).to_ne_bytes());
    bytes.extend(kind.to_ne_bytes());
    bytes.extend(value);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

fn nested(kind: u16, value: &[u8]) -> Vec<u8> {
    attribute(kind | NLA_F_NESTED, value)
}

/// What names one entry of one set.
fn in_set(element: &Element) -> Vec<u8> {
    let key = nested(ELEMENT_KEY, &attribute(DATA_VALUE, &element.key));
    let mut bytes = attribute(ELEMENTS_TABLE, &with_end(TABLE));
    bytes.extend(attribute(ELEMENTS_SET, &with_end(element.set)));
    bytes.extend(nested(ELEMENTS_LIST, &nested(LIST_ITEM, &key)));
    bytes
}

fn with_end(name: &str) -> Vec<u8> {
    name.bytes().chain([0]).collect()
}
