//! Disks: an explicit graph in which every format is named and none is probed.

use super::{Arguments, CannotRun, slot, value};
use hatchery_model::compute::DiskAttachment;
use hatchery_model::disk::BlockSource;
use hatchery_model::image::ImageFormat;
use std::os::fd::RawFd;

/// How many disks have a slot.
const MOST: usize = slot::CONFIG_DRIVE - slot::DISK;

pub(super) fn add_all(
    args: &mut Arguments,
    disks: &[DiskAttachment],
    descriptors: &[Vec<RawFd>],
) -> Result<(), CannotRun> {
    if disks.len() > MOST {
        return Err(CannotRun(format!("a guest has at most {MOST} disks, not {}", disks.len())));
    }
    for (index, disk) in disks.iter().enumerate() {
        let layers = descriptors.get(index).map_or(&[][..], Vec::as_slice);
        let node = format!("disk{index}");
        layer(args, &node, &disk.source, layers)?;
        let serial = value("the serial number of a disk", &disk.serial)?;
        args.option(
            "-device",
            format!(
                "virtio-blk-pci,drive={node},serial={serial},bootindex={},addr={:#x}",
                index + 1,
                slot::DISK + index
            ),
        );
    }
    Ok(())
}

/// Adds the node of one layer after those that it lies on. Layers below the top are read only whatever they say.
fn layer(
    args: &mut Arguments,
    node: &str,
    source: &BlockSource,
    descriptors: &[RawFd],
) -> Result<(), CannotRun> {
    let (format, read_only, backing) = match source {
        BlockSource::File { format, read_only, backing, .. } => (format, read_only, backing),
        BlockSource::Rbd(_) => {
            return Err(CannotRun("this version runs no guest from Ceph".to_owned()));
        }
    };
    let Some((&descriptor, below)) = descriptors.split_first() else {
        return Err(CannotRun(format!("no file was opened for {node}")));
    };
    let is_top = !node.contains('-');
    let base_node = match (backing, format) {
        (Some(base), ImageFormat::Qcow2) => {
            let base_node = format!("{node}-base");
            layer(args, &base_node, base, below)?;
            Some(base_node)
        }
        (Some(_), ImageFormat::Raw) => {
            return Err(CannotRun(
                "a raw disk cannot lie on another: make it a qcow2 overlay".to_owned(),
            ));
        }
        (None, _) => None,
    };
    let file = args.inherited_file(descriptor);
    let writable = is_top && !read_only;
    let access = if writable {
        "read-only=off,auto-read-only=off,discard=unmap"
    } else {
        "read-only=on,auto-read-only=off"
    };
    args.option(
        "-blockdev",
        format!(
            "driver=file,node-name={node}-file,filename={file},locking=on,aio=threads,{access}"
        ),
    );
    let graph = match (base_node, format) {
        (Some(base), _) => {
            format!("driver={format},node-name={node},file={node}-file,{access},backing={base}")
        }
        (None, ImageFormat::Raw) => {
            format!("driver=raw,node-name={node},file={node}-file,{access}")
        }
        // That it lies on nothing is said outright, or QEMU would open whatever the file's header names; and only JSON
        // can say it.
        (None, ImageFormat::Qcow2) => format!(
            r#"{{"driver":"qcow2","node-name":"{node}","file":"{node}-file","read-only":{},"auto-read-only":false,"discard":"unmap","backing":null}}"#,
            !writable
        ),
    };
    args.option("-blockdev", graph);
    Ok(())
}
