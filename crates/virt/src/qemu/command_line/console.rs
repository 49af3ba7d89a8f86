//! The serial console: written to a log only. Appends, so that a restart of the guest keeps what was there.

use super::Arguments;
use std::os::fd::RawFd;

pub(super) fn add(args: &mut Arguments, log: RawFd) {
    let log = args.inherited_file(log);
    args.option("-chardev", format!("file,id=console,path={log},append=on"));
    args.option("-device", "isa-serial,chardev=console,index=0");
}
