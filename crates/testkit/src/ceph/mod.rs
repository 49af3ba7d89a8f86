//! A Ceph of one node: a monitor, a manager, OSDs; cephx on; the pools and users of an OpenStack cloud.
//!
//! Everything lies in one folder, every socket on one loopback address; nothing in `/etc/ceph`, `/var/lib/ceph` or `/run/ceph` is read or
//! written. The monitor has the usual ports: a client that is given only `host:port` guesses the protocol from them, and on
//! other ports a wrong key hangs instead of being refused.

mod conf;
mod daemon;
mod fixture;
mod keys;
mod node;

use std::fmt;
use std::io;
use std::net::Ipv4Addr;
use std::path::Path;

pub use fixture::CephCluster;
pub use node::{CephNode, DaemonState};

/// Its pools, each for RBD.
pub const POOLS: [&str; 4] = ["images", "volumes", "vms", "backups"];

/// Where OSDs keep their objects.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ObjectStore {
    /// A sparse file: outlives a kill.
    Bluestore,
    /// Memory: quick to start, and lost by a kill.
    Memstore,
}

/// What a cluster is made with.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CephSettings {
    /// A loopback address of its own.
    pub address: Ipv4Addr,
    /// How many OSDs.
    pub osds: u32,
    /// Where they keep their objects.
    pub store: ObjectStore,
    /// Size of each.
    pub size_gib: u32,
    /// Whether there is a manager: RBD needs none, but figures and quotas of pools do.
    pub mgr: bool,
}

impl CephSettings {
    fn text(&self) -> String {
        let store = match self.store {
            ObjectStore::Bluestore => "bluestore",
            ObjectStore::Memstore => "memstore",
        };
        let Self { address, osds, size_gib, mgr, .. } = self;
        format!("{address} {osds} {store} {size_gib} {mgr}\n")
    }

    fn read(text: &str) -> Result<Self, CephFailure> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let settings = match words[..] {
            [address, osds, store, size, mgr] => (|| {
                let store = match store {
                    "bluestore" => ObjectStore::Bluestore,
                    "memstore" => ObjectStore::Memstore,
                    _ => return None,
                };
                Some(Self {
                    address: address.parse().ok()?,
                    osds: osds.parse().ok()?,
                    store,
                    size_gib: size.parse().ok()?,
                    mgr: mgr.parse().ok()?,
                })
            })(),
            _ => None,
        };
        settings.ok_or_else(|| {
            CephFailure::new(format!("the cluster's settings cannot be read: {text:?}; wipe it"))
        })
    }
}

/// Why a cluster is not as it was asked for: a sentence for whoever asked.
#[derive(Debug)]
pub struct CephFailure(String);

impl CephFailure {
    fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    fn at(path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |error| Self(format!("{}: {error}", path.display()))
    }
}

impl fmt::Display for CephFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for CephFailure {}
