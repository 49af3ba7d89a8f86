//! The monitor: QMP on a socket that the agent listens on before QEMU exists, so that a connection never has to wait.

use super::Arguments;
use std::os::fd::RawFd;

pub(super) fn add(args: &mut Arguments, listener: RawFd) {
    args.option("-chardev", format!("socket,id=monitor,fd={listener},server=on,wait=off"));
    args.option("-mon", "chardev=monitor,mode=control");
}
