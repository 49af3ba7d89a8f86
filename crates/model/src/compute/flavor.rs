//! A flavor: how large a server is.

use crate::id::FlavorId;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A Nova flavor. A server keeps a copy of the one that it was made with.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Flavor {
    /// Its id.
    pub id: FlavorId,
    /// Unique.
    pub name: String,
    /// Virtual CPUs.
    pub vcpus: u32,
    /// Memory.
    pub memory_mib: u64,
    /// Root disk; 0: as large as the image.
    pub root_gib: u64,
    /// Second, empty disk; 0: none.
    pub ephemeral_gib: u64,
    /// Swap disk; 0: none.
    pub swap_mib: u64,
    /// Kept for clients; no effect.
    pub rxtx_factor_percent: u32,
    /// Whether everyone sees it.
    pub is_public: bool,
    /// A disabled flavor starts no server.
    pub disabled: bool,
    /// Free text (2.55).
    pub description: Option<String>,
    /// `extra_specs`.
    pub extra_specs: BTreeMap<String, String>,
}
