//! A volume as a guest has it.

use crate::compute::DiskAttachment;
use crate::disk::BlockSource;
use crate::id::{AttachmentId, VolumeId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

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
    /// What the QoS specs of its type ask of the hypervisor: limits, in the words of libvirt and so of Nova (`total_iops_sec` and the like), and
    /// whatever else is there.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub qos: BTreeMap<String, String>,
}

/// So many characters of a volume's id are its serial number: as many as a virtio disk shows.
const SERIAL_CHARACTERS: usize = 20;

impl GuestVolume {
    /// The volume as a disk of its guest, with its bytes where they are now.
    pub fn disk(&self, source: BlockSource) -> DiskAttachment {
        DiskAttachment {
            serial: serial_of(self.volume),
            source,
            volume: Some(self.volume),
            boots: self.boot_index.is_some(),
            qos: self.qos.clone(),
        }
    }
}

/// What a guest sees as a volume's serial number.
pub fn serial_of(volume: VolumeId) -> String {
    volume.to_string().chars().take(SERIAL_CHARACTERS).collect()
}

#[cfg(test)]
mod tests {
    use super::serial_of;

    #[test]
    fn the_serial_number_is_as_much_of_the_id_as_a_disk_shows() {
        let volume = "3fa85f64-5717-4562-b3fc-2c963f66afa6".parse().unwrap();
        assert_eq!(serial_of(volume), "3fa85f64-5717-4562-b");
    }
}
