//! Which port may have which address: the driver's own note of each, and the line that the server reads.
//!
//! A note is written before the line and removed after it, so a note without a line is a port on its way in or out: it
//! is finished by removing it, since whoever plugs a port plugs it again.

use crate::net::folder::{self, NetworkFolder};
use crate::net::spec::ServedSubnet;
use hatchery_model::compute::GuestNic;
use hatchery_model::id::PortId;
use hatchery_model::network::MacAddress;
use serde::{Deserialize, Serialize};
use std::collections::{HashMap, HashSet};
use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;

/// What a port may have.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Reservation {
    pub(super) mac: MacAddress,
    pub(super) addresses: Vec<Reserved>,
}

/// An address, and the server's own address on its subnet.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Reserved {
    pub(super) address: Ipv4Addr,
    pub(super) server: Ipv4Addr,
}

/// All of a network's.
#[derive(Debug)]
pub(super) struct Reservations {
    folder: NetworkFolder,
    known: HashMap<PortId, Reservation>,
    withdrawn: HashSet<PortId>,
}

impl Reservation {
    /// What that interface may have: the first of its addresses on each subnet, since DHCP gives one.
    pub(super) fn of(nic: &GuestNic, subnets: &[ServedSubnet]) -> Self {
        let on = |subnet: &ServedSubnet| {
            nic.addresses.iter().find_map(|entry| match entry.address {
                IpAddr::V4(address) if entry.subnet == subnet.id => {
                    Some(Reserved { address, server: subnet.server })
                }
                _ => None,
            })
        };
        let served = subnets.iter().filter(|subnet| subnet.dhcp);
        Self { mac: nic.mac, addresses: served.filter_map(on).collect() }
    }

    fn has(&self, address: Ipv4Addr) -> bool {
        self.addresses.iter().any(|entry| entry.address == address)
    }

    /// The server's lines.
    fn lines(&self) -> String {
        let line = |entry: &Reserved| {
            let name = entry.address.to_string().replace('.', "-");
            format!("{},{},host-{name}\n", self.mac, entry.address)
        };
        self.addresses.iter().map(line).collect()
    }
}

impl Reservations {
    /// Reads the notes. One that cannot be read is removed with its line: its port is unknown to everybody.
    pub(super) fn load(folder: &NetworkFolder) -> io::Result<Self> {
        folder.make()?;
        let mut all =
            Self { folder: folder.clone(), known: HashMap::new(), withdrawn: HashSet::new() };
        for port in folder::ports_in(&folder.ports())? {
            let note = fs::read(all.note(port))?;
            match serde_json::from_slice(&note) {
                Ok(reservation) => {
                    all.known.insert(port, reservation);
                    if !all.line(port).try_exists()? {
                        all.withdrawn.insert(port);
                    }
                }
                Err(error) => {
                    tracing::warn!(port.id = %port, %error, "the note of a port was unreadable and is removed");
                    folder::remove_file(&all.line(port))?;
                    folder::remove_file(&all.note(port))?;
                }
            }
        }
        for port in folder::ports_in(&folder.hosts())? {
            if !all.known.contains_key(&port) {
                folder::remove_file(&all.line(port))?;
            }
        }
        Ok(all)
    }

    /// The ports that are not on their way out, and what each may have.
    pub(super) fn all(&self) -> impl Iterator<Item = (PortId, &Reservation)> {
        let known = self.known.iter().filter(|(port, _)| !self.withdrawn.contains(port));
        known.map(|(port, reservation)| (*port, reservation))
    }

    /// Whether that hardware address may have that address.
    pub(super) fn allows(&self, address: Ipv4Addr, mac: MacAddress) -> bool {
        self.all().any(|(_, reservation)| reservation.mac == mac && reservation.has(address))
    }

    /// Ports that must go before `port` can have `wanted`: those with its hardware address or one of its addresses, and
    /// the port itself if it had something else.
    pub(super) fn in_the_way_of(&self, port: PortId, wanted: &Reservation) -> Vec<PortId> {
        let collides = |(other, reservation): (&PortId, &Reservation)| {
            let in_the_way = if *other == port {
                reservation != wanted || self.withdrawn.contains(other)
            } else {
                reservation.mac == wanted.mac
                    || wanted.addresses.iter().any(|entry| reservation.has(entry.address))
            };
            in_the_way.then_some(*other)
        };
        self.known.iter().filter_map(collides).collect()
    }

    /// Writes what a port may have, for the server to read.
    pub(super) fn write(&mut self, port: PortId, reservation: Reservation) -> io::Result<()> {
        if self.known.get(&port) == Some(&reservation) && !self.withdrawn.contains(&port) {
            return Ok(());
        }
        let note = serde_json::to_vec(&reservation).map_err(io::Error::other)?;
        self.withdrawn.insert(port);
        self.folder.write(&self.note(port), &note)?;
        let lines = reservation.lines();
        self.known.insert(port, reservation);
        self.folder.write(&self.line(port), lines.as_bytes())?;
        self.withdrawn.remove(&port);
        Ok(())
    }

    /// Takes a port's line away and gives what it had. The note stays until `forget`.
    pub(super) fn withdraw(&mut self, port: PortId) -> io::Result<Option<Reservation>> {
        let Some(reservation) = self.known.get(&port) else {
            return Ok(None);
        };
        self.withdrawn.insert(port);
        folder::remove_file(&self.line(port))?;
        Ok(Some(reservation.clone()))
    }

    /// Ports whose removal has begun and not ended.
    pub(super) fn withdrawn(&self) -> Vec<PortId> {
        self.withdrawn.iter().copied().collect()
    }

    /// Removes the note.
    pub(super) fn forget(&mut self, port: PortId) -> io::Result<()> {
        folder::remove_file(&self.note(port))?;
        self.known.remove(&port);
        self.withdrawn.remove(&port);
        Ok(())
    }

    fn note(&self, port: PortId) -> PathBuf {
        self.folder.ports().join(port.to_string())
    }

    fn line(&self, port: PortId) -> PathBuf {
        self.folder.hosts().join(port.to_string())
    }
}
