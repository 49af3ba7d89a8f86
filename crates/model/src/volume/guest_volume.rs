//! A volume as a guest has it.

use crate::disk::BlockSource;
use crate::id::{AttachmentId, VolumeId};
use serde::{Deserialize, Serialize};

/// A volume of a guest: enough to plug it again at every start, without asking anyone.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct GuestVolume {
    /// The volume. The first 20 characters of its id are the serial number that the guest sees, as with Nova.
    pub volume: VolumeId,
    /// What binds it to the server.
    pub attachment: AttachmentId,
    /// Where its bytes are.
    pub source: BlockSource,
    /// Place in the order of boot. `None`: the guest does not boot from it.
    pub boot_index: Option<u32>,
    /// `/dev/vdb`: the name that the user is told.
    pub device: String,
}
