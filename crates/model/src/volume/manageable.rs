//! What a backend's space holds that is a volume, or could be taken for one.

use crate::id::VolumeId;
use crate::units::Bytes;
use serde::{Deserialize, Serialize};

/// One of them.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Manageable {
    /// Its name there: what a request to take it says.
    pub name: String,
    /// Its size.
    pub size: Bytes,
    /// The volume that it is already.
    pub volume: Option<VolumeId>,
    /// Why it cannot be taken. `None`: it can.
    pub refused_by: Option<String>,
}
