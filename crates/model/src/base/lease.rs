//! Who uses a base. A lease is written before the first use and stands until the last, whoever dies meanwhile: neither a silent
//! host nor a file's age ends one.

use super::BaseName;
use crate::id::ServerId;
use crate::image::ImageFormat;
use crate::timestamp::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One holder of one base.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct BaseLease {
    /// The base.
    pub base: BaseName,
    /// Who holds it.
    pub holder: LeaseHolder,
    /// The format that the holder's disk names for its base, where that is known: a base of another format is of no use to it.
    pub format: Option<ImageFormat>,
}

/// Who holds a base.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum LeaseHolder {
    /// A disk has it as backing file, or is about to.
    Disk {
        /// The host, or the folder of instances where no host is known.
        host: String,
        /// The disk: its id, or its path.
        disk: String,
        /// The server whose disk it is, where known.
        server: Option<ServerId>,
    },
    /// An administrator wants it to stay until then.
    Pin {
        /// What for: `aggregate 3`.
        by: String,
        /// Until when.
        until: Timestamp,
    },
}

/// All leases that stand, by base. Whoever gives one vouches that it is complete: what could not be read whole is an error instead.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct LeaseBook {
    leases: BTreeMap<BaseName, Vec<BaseLease>>,
}

impl LeaseBook {
    /// Whether anybody holds the base.
    pub fn holds(&self, base: &BaseName) -> bool {
        self.leases.contains_key(base)
    }

    /// Who holds the base.
    pub fn of(&self, base: &BaseName) -> &[BaseLease] {
        self.leases.get(base).map_or(&[], Vec::as_slice)
    }

    /// Every lease, by base.
    pub fn iter(&self) -> impl Iterator<Item = &BaseLease> {
        self.leases.values().flatten()
    }
}

impl FromIterator<BaseLease> for LeaseBook {
    fn from_iter<T: IntoIterator<Item = BaseLease>>(leases: T) -> Self {
        let mut book = Self::default();
        book.extend(leases);
        book
    }
}

impl Extend<BaseLease> for LeaseBook {
    fn extend<T: IntoIterator<Item = BaseLease>>(&mut self, leases: T) {
        for lease in leases {
            self.leases.entry(lease.base.clone()).or_default().push(lease);
        }
    }
}
