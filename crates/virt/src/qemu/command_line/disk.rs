//! Disks of a guest that is started.

use super::super::CacheMode;
use super::{Arguments, CannotRun, graph, slot, value};
use hatchery_model::compute::DiskAttachment;
use hatchery_model::disk::BlockSource;
use hatchery_model::id::VolumeId;
use hatchery_model::volume::serial_of;
use std::ops::Range;
use std::os::fd::RawFd;

/// The slots that disks have.
pub(crate) const SLOTS: Range<usize> = slot::DISK..slot::CONFIG_DRIVE;

/// The name of the guest's own disk's node.
pub(crate) const OWN_DISK: &str = "disk0";

/// The name of a volume's node, and of its device unless it came there in another's place. QEMU takes 31 characters, and `-63-file` has to fit behind.
pub(crate) fn node_of_volume(volume: VolumeId) -> String {
    format!("v{}", serial_of(volume))
}

pub(super) fn add_all(
    args: &mut Arguments,
    disks: &[DiskAttachment],
    descriptors: &[Vec<RawFd>],
    caches: &[CacheMode],
) -> Result<(), CannotRun> {
    if disks.len() > SLOTS.len() {
        return Err(CannotRun(format!(
            "a guest has at most {} disks, not {}",
            SLOTS.len(),
            disks.len()
        )));
    }
    for (index, disk) in disks.iter().enumerate() {
        let node = match disk.volume {
            None => format!("disk{index}"),
            Some(volume) => node_of_volume(volume),
        };
        let layers = descriptors.get(index).map_or(&[][..], Vec::as_slice);
        let files: Vec<_> = match (&disk.source, layers) {
            (BlockSource::Rbd(_), [conf, key]) => {
                let secret = format!("secret,id={},format=base64", graph::secret_of(&node));
                args.option("-object", format!("{secret},file={}", graph::own_file(key)));
                vec![graph::own_file(conf)]
            }
            (BlockSource::Rbd(_) | BlockSource::File { .. }, layers) => {
                layers.iter().map(|layer| args.layer_file(*layer, &node)).collect()
            }
        };
        let cache = caches.get(index).copied().unwrap_or(CacheMode::Default);
        for made in graph::nodes(&node, &disk.source, &files, cache)? {
            args.option("-blockdev", made.to_string());
        }
        let serial = value("the serial number of a disk", &disk.serial)?;
        let boot = if disk.boots { format!(",bootindex={}", index + 1) } else { String::new() };
        let flushes = if cache.flushes() { ",write-cache=off" } else { "" };
        args.option(
            "-device",
            format!(
                "virtio-blk-pci,id={node},drive={node},serial={serial}{boot}{flushes},addr={:#x}",
                slot::DISK + index
            ),
        );
    }
    Ok(())
}
