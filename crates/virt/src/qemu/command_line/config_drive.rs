//! The config drive: a read-only virtio disk. cloud-init finds it by its label on any disk, and a guest that boots from
//! virtio needs no driver more for it, as it would for a CD.

use super::{Arguments, slot};
use std::os::fd::RawFd;

pub(super) fn add(args: &mut Arguments, file: Option<RawFd>) {
    let Some(file) = file else { return };
    let file = args.inherited_file(file);
    let access = "read-only=on,auto-read-only=off";
    args.option(
        "-blockdev",
        format!("driver=file,node-name=config-file,filename={file},locking=on,{access}"),
    );
    args.option("-blockdev", format!("driver=raw,node-name=config,file=config-file,{access}"));
    args.option(
        "-device",
        format!("virtio-blk-pci,drive=config,serial=config-drive,addr={:#x}", slot::CONFIG_DRIVE),
    );
}
