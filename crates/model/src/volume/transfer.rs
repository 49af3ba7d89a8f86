//! A volume that is offered to another project.

use crate::id::{ProjectId, TransferId, VolumeId};
use crate::timestamp::Timestamp;
use serde::{Deserialize, Serialize};

/// The row of an offer. It stands until the offer is accepted or taken back.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Transfer {
    /// Its id.
    pub id: TransferId,
    /// The project that offers.
    pub project: ProjectId,
    /// The volume that is offered.
    pub volume: VolumeId,
    /// Need not be unique.
    pub name: Option<String>,
    /// Salted hash (a PHC string) of the key that whoever accepts has to know. The key itself is kept nowhere.
    pub key_hash: String,
    /// Whether the volume's snapshots stay with the project that offers.
    pub no_snapshots: bool,
    /// When it was made.
    pub created_at: Timestamp,
}
