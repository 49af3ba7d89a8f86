//! What a port's guest may send, and the notes of it in the network's folder: one file a port. They are what the kernel's
//! rules are made from, and stand before them.

use crate::net::folder::{self, NetworkFolder};
use hatchery_model::compute::GuestNic;
use hatchery_model::id::PortId;
use hatchery_model::network::MacAddress;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::net::IpAddr;
use std::path::PathBuf;

/// In whose name a guest may send.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(in crate::net) enum Rights {
    /// Anybody's: its port has no port security.
    Any,
    /// Its own.
    Own {
        /// Hardware address.
        mac: MacAddress,
        /// Fixed addresses.
        addresses: Vec<IpAddr>,
    },
}

/// The rights of all ports of a network, as they are noted.
#[derive(Debug)]
pub(super) struct Notes {
    folder: NetworkFolder,
    known: BTreeMap<PortId, Rights>,
}

impl Rights {
    /// Those that this interface gives.
    pub(super) fn of(nic: &GuestNic) -> Self {
        if !nic.port_security {
            return Self::Any;
        }
        let addresses = nic.addresses.iter().map(|entry| entry.address).collect();
        Self::Own { mac: nic.mac, addresses }
    }

    /// Whether two ports cannot have these both.
    fn collides(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Any, _) | (_, Self::Any) => false,
            (
                Self::Own { mac, addresses },
                Self::Own { mac: other_mac, addresses: other_addresses },
            ) => mac == other_mac || addresses.iter().any(|own| other_addresses.contains(own)),
        }
    }
}

impl Notes {
    /// Reads the notes. `before` are ports of a version that wrote none. A note that cannot be read is removed: its port
    /// may send nothing until it is plugged again.
    pub(super) fn load(
        folder: &NetworkFolder,
        before: BTreeMap<PortId, Rights>,
    ) -> io::Result<Self> {
        folder.make()?;
        let mut notes = Self { folder: folder.clone(), known: before };
        for port in folder::ports_in(&folder.rights())? {
            let path = notes.path(port);
            match serde_json::from_slice(&fs::read(&path)?) {
                Ok(rights) => {
                    notes.known.insert(port, rights);
                }
                Err(error) => {
                    tracing::warn!(port.id = %port, %error, "the note of a port's rights was unreadable and is removed");
                    notes.known.remove(&port);
                    folder::remove_file(&path)?;
                }
            }
        }
        Ok(notes)
    }

    /// All of them.
    pub(super) fn all(&self) -> impl Iterator<Item = (PortId, &Rights)> {
        self.known.iter().map(|(port, rights)| (*port, rights))
    }

    /// Ports that must lose their rights before another can have `wanted`: they had its addresses earlier.
    pub(super) fn in_the_way_of(&self, port: PortId, wanted: &Rights) -> Vec<PortId> {
        let others = self.all().filter(|(other, rights)| *other != port && rights.collides(wanted));
        others.map(|(other, _)| other).collect()
    }

    /// Writes what a port may send; gives what it might before.
    pub(super) fn write(&mut self, port: PortId, rights: Rights) -> io::Result<Option<Rights>> {
        if self.known.get(&port) == Some(&rights) && self.path(port).try_exists()? {
            return Ok(Some(rights));
        }
        let note = serde_json::to_vec(&rights).map_err(io::Error::other)?;
        self.folder.write(&self.path(port), &note)?;
        Ok(self.known.insert(port, rights))
    }

    /// Removes a port's note; gives what it might send.
    pub(super) fn remove(&mut self, port: PortId) -> io::Result<Option<Rights>> {
        folder::remove_file(&self.path(port))?;
        Ok(self.known.remove(&port))
    }

    fn path(&self, port: PortId) -> PathBuf {
        self.folder.rights().join(port.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::{Notes, Rights};
    use crate::net::folder::NetworkFolder;
    use hatchery_model::id::{NetworkId, PortId};
    use hatchery_model::network::MacAddress;
    use std::collections::BTreeMap;
    use std::fs;
    use std::path::Path;
    use uuid::Uuid;

    fn port(number: u128) -> PortId {
        PortId(Uuid::from_u128(number))
    }

    fn own(mac: u8, addresses: &[&str]) -> Rights {
        let addresses = addresses.iter().map(|text| text.parse().unwrap()).collect();
        Rights::Own { mac: MacAddress::generated([0, 0, mac]), addresses }
    }

    fn load(state: &Path, before: BTreeMap<PortId, Rights>) -> Notes {
        let folder = NetworkFolder::of(state, NetworkId(Uuid::from_u128(1)));
        Notes::load(&folder, before).unwrap()
    }

    #[test]
    fn notes_outlive_the_process_and_stand_above_what_was_before() {
        let state = tempfile::tempdir().unwrap();
        let before = BTreeMap::from([(port(1), own(1, &[])), (port(2), own(2, &[]))]);
        let mut notes = load(state.path(), before.clone());
        assert_eq!(notes.write(port(1), Rights::Any).unwrap(), Some(own(1, &[])));
        assert_eq!(notes.write(port(3), own(3, &["10.0.0.3"])).unwrap(), None);
        assert_eq!(
            notes.write(port(3), own(3, &["10.0.0.3"])).unwrap(),
            Some(own(3, &["10.0.0.3"]))
        );
        let mut notes = load(state.path(), before);
        let all: Vec<_> = notes.all().map(|(port, rights)| (port, rights.clone())).collect();
        let wanted =
            [(port(1), Rights::Any), (port(2), own(2, &[])), (port(3), own(3, &["10.0.0.3"]))];
        assert_eq!(all, wanted);
        assert_eq!(notes.remove(port(1)).unwrap(), Some(Rights::Any));
        assert_eq!(notes.remove(port(1)).unwrap(), None);
        assert_eq!(load(state.path(), BTreeMap::new()).all().count(), 1);
    }

    #[test]
    fn an_unreadable_note_gives_no_rights() {
        let state = tempfile::tempdir().unwrap();
        let mut notes = load(state.path(), BTreeMap::new());
        notes.write(port(1), Rights::Any).unwrap();
        fs::write(notes.path(port(1)), "{").unwrap();
        let notes = load(state.path(), BTreeMap::from([(port(1), Rights::Any)]));
        assert_eq!(notes.all().count(), 0);
        assert!(!notes.path(port(1)).exists());
    }

    #[test]
    fn only_ports_with_port_security_are_in_each_others_way() {
        let state = tempfile::tempdir().unwrap();
        let mut notes = load(state.path(), BTreeMap::new());
        notes.write(port(1), own(1, &["10.0.0.1", "fd00::1"])).unwrap();
        notes.write(port(2), Rights::Any).unwrap();
        let in_the_way = |rights| notes.in_the_way_of(port(9), &rights);
        assert_eq!(in_the_way(own(9, &["10.0.0.9", "fd00::1"])), [port(1)]);
        assert_eq!(in_the_way(own(1, &[])), [port(1)]);
        assert_eq!(in_the_way(own(9, &["10.0.0.9"])), []);
        assert_eq!(in_the_way(Rights::Any), []);
        assert_eq!(notes.in_the_way_of(port(1), &own(1, &[])), [], "not in its own");
    }
}
