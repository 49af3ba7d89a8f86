//! Aggregates: hosts that an administrator has put together, and what is said of them.

use crate::generation::Generation;
use crate::id::HostName;
use crate::timestamp::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// An aggregate's row.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Aggregate {
    /// Its id in paths; the store gives it.
    pub number: u64,
    /// Its other id.
    pub uuid: Uuid,
    /// Compare-and-set counter.
    pub generation: Generation,
    /// Unique.
    pub name: String,
    /// Its hosts, in the order in which they came.
    pub hosts: Vec<HostName>,
    /// What is said of its hosts.
    pub metadata: BTreeMap<String, String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When its name or metadata last changed.
    pub updated_at: Option<Timestamp>,
}

impl Aggregate {
    /// The key of the metadata whose value is the availability zone of the hosts.
    pub const ZONE: &str = "availability_zone";

    /// The availability zone in which its hosts are, if it makes one.
    pub fn zone(&self) -> Option<&str> {
        self.metadata.get(Self::ZONE).map(String::as_str)
    }

    /// Whether a host is in it.
    pub fn has(&self, host: &HostName) -> bool {
        self.hosts.contains(host)
    }
}

/// What the scheduler has to know of hosts beside their own rows.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct HostFacts {
    /// All aggregates.
    pub aggregates: Vec<Aggregate>,
    /// The hosts that have the base of the image in question.
    pub with_base: BTreeSet<HostName>,
}
