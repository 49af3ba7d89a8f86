//! Counts and sizes of one process and its host, read at once. Counts are since the process began and only grow.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// All of them.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct LiveFigures {
    /// The host's interfaces, by name.
    pub interfaces: BTreeMap<String, InterfaceFigures>,
    /// Bytes moved, by kind of transfer.
    pub transferred_bytes: BTreeMap<String, u64>,
    /// Transfers under way, by kind.
    pub transfers_active: BTreeMap<String, u64>,
    /// What was done to bases, by deed.
    pub deeds: BTreeMap<String, u64>,
    /// Guests being made, and made.
    pub builds: BuildFigures,
    /// The pool of bases.
    pub pool: PoolFigures,
    /// Requests answered.
    pub requests: u64,
    /// The process.
    pub process: ProcessFigures,
}

/// One interface of the host.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct InterfaceFigures {
    /// Bytes that came in.
    pub received_bytes: u64,
    /// Bytes that went out.
    pub sent_bytes: u64,
}

/// Guests being made, and made.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct BuildFigures {
    /// Builds under way.
    pub active: u64,
    /// Guests that were started.
    pub started: u64,
    /// Builds that failed.
    pub failed: u64,
    /// Guests that stopped.
    pub stopped: u64,
    /// Bytes of image data that creates have copied.
    pub bytes_copied: u64,
    /// Seconds that each step took the last time.
    pub last_step_seconds: BTreeMap<String, f64>,
}

/// The pool of bases.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct PoolFigures {
    /// Bytes that its files take on the disk, each file once.
    pub bytes: u64,
    /// Names in it.
    pub names: u64,
    /// Leases that stand.
    pub leases: u64,
}

/// The process.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ProcessFigures {
    /// Memory that it has resident.
    pub resident_bytes: u64,
    /// CPU time that it has used, in user and system mode.
    pub cpu_seconds: f64,
    /// When it began: seconds since 1970-01-01T00:00:00Z.
    pub started_at_seconds: f64,
}
