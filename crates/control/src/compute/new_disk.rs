//! The volumes that a new server is to have: `block_device_mapping_v2`, without what stands for the disk from its image.

use crate::error::Error;
use crate::volume::{VolumeRequest, VolumeSource};
use hatchery_model::id::{ImageId, SnapshotId, VolumeId};

/// A volume of a new server.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ServerDisk {
    /// What is in it.
    pub content: DiskContent,
    /// Its size in GiB, for one that is to be made. `None`: that of the snapshot.
    pub size_gib: Option<u64>,
    /// Place in the order of boot; 0 is the root disk. `None` (or negative, as users write it): the guest does not boot from it.
    pub boot_index: Option<u32>,
    /// Whether it goes with the server.
    pub delete_on_termination: bool,
    /// `/dev/vdb`. `None`: the first that is free.
    pub device: Option<String>,
    /// Id or name of its type, for one that is to be made (2.67).
    pub volume_type: Option<String>,
    /// What its user calls it (2.32).
    pub tag: Option<String>,
}

/// What is in a server's volume.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DiskContent {
    /// It is there: this volume.
    Volume(VolumeId),
    /// It is to be made of a snapshot.
    Snapshot(SnapshotId),
    /// It is to be made of an image.
    Image(ImageId),
    /// It is to be made, and to hold zeros.
    Blank,
}

impl ServerDisk {
    /// The request for the volume, where it is to be made.
    pub(super) fn request(&self) -> Option<VolumeRequest> {
        let source = match self.content {
            DiskContent::Volume(_) => return None,
            DiskContent::Snapshot(id) => VolumeSource::Snapshot(id),
            DiskContent::Image(id) => VolumeSource::Image(id),
            DiskContent::Blank => VolumeSource::Empty,
        };
        Some(VolumeRequest {
            name: Some(String::new()),
            description: Some(String::new()),
            size_gib: self.size_gib,
            source,
            volume_type: self.volume_type.clone(),
            ..VolumeRequest::default()
        })
    }
}

/// Refuses, in Nova's words, what no server can have. `with_root`: its root disk is made from its image.
pub(super) fn check(disks: &[ServerDisk], with_root: bool, servers: u32) -> Result<(), Error> {
    let mut order: Vec<u32> = disks.iter().filter_map(|disk| disk.boot_index).collect();
    if with_root {
        order.push(0);
    }
    order.sort_unstable();
    let in_order = order.iter().zip(0..).all(|(found, wanted)| *found == wanted);
    if order.is_empty() || !in_order {
        return invalid(
            "Block Device Mapping is Invalid: Boot sequence for the instance and image/block device mapping combination is not valid.",
        );
    }
    for disk in disks {
        match disk.content {
            DiskContent::Volume(_) if servers > 1 => {
                return invalid("Cannot attach one or more volumes to multiple instances");
            }
            DiskContent::Image(_) if disk.size_gib.unwrap_or(0) == 0 => {
                return invalid(
                    "Block Device Mapping is Invalid: Images with destination_type 'volume' need to have a non-zero size specified",
                );
            }
            DiskContent::Blank if disk.size_gib.unwrap_or(0) == 0 => {
                return invalid(
                    "Block Device Mapping is Invalid: Blank volumes (source: 'blank', dest: 'volume') need to have non-zero size",
                );
            }
            DiskContent::Volume(_)
            | DiskContent::Snapshot(_)
            | DiskContent::Image(_)
            | DiskContent::Blank => {}
        }
    }
    Ok(())
}

fn invalid(text: &str) -> Result<(), Error> {
    Err(Error::Invalid(text.to_owned()))
}
