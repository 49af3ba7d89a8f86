//! Questions about live data of a host. Never an order.

use crate::compute::PowerState;
use crate::id::ServerId;
use crate::volume::{Manageable, ManageableSnapshot};
use serde::{Deserialize, Serialize};

/// A question with a deadline; no answer changes nothing.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Ask {
    /// The end of a guest's console log.
    ConsoleLog {
        /// The server.
        server: ServerId,
        /// So many lines from the end; `None`: all that is kept.
        lines: Option<u32>,
    },
    /// What a volume backend's space holds.
    ManageableVolumes {
        /// The backend's section in the agent's configuration.
        backend: String,
    },
    /// What snapshots a volume backend's space holds.
    ManageableSnapshots {
        /// The backend's section in the agent's configuration.
        backend: String,
    },
    /// Whether a guest's processors run.
    PowerState {
        /// The server.
        server: ServerId,
    },
}

/// An answer.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Answer {
    /// Text of the console.
    ConsoleLog(String),
    /// The state read from the hypervisor.
    PowerState(PowerState),
    /// What the volume backend's space holds, by name.
    ManageableVolumes(Vec<Manageable>),
    /// What snapshots the volume backend's space holds, by what they are of and their names.
    ManageableSnapshots(Vec<ManageableSnapshot>),
    /// There is no such guest on this host.
    NoGuest,
}
