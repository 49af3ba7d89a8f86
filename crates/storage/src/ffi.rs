//! What no safe interface offers: sharing blocks, starting writeback, and waiting for a descriptor of our own.
#![allow(unsafe_code)]

use nix::libc;
use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use tokio::io::unix::AsyncFd;

nix::ioctl_write_int!(ficlone, 0x94, 9);

/// Makes `to` share every block of `from`. Errors are the kernel's: `EOPNOTSUPP` or `EINVAL` where the filesystem
/// cannot, `EXDEV` across filesystems.
pub(crate) fn reflink(from: &File, to: &File) -> io::Result<()> {
    // SAFETY: both descriptors are open for the whole call, and the request takes a plain integer.
    match unsafe { ficlone(to.as_raw_fd(), from.as_raw_fd() as libc::c_ulong) } {
        Ok(_) => Ok(()),
        Err(errno) => Err(errno.into()),
    }
}

/// Asks the kernel to begin writing a range back, and does not wait. Advice: it promises no durability.
pub(crate) fn start_writeback(file: &File, offset: u64, length: u64) -> io::Result<()> {
    let (Ok(offset), Ok(length)) = (i64::try_from(offset), i64::try_from(length)) else {
        return Ok(());
    };
    // SAFETY: the descriptor is open for the whole call, and the others are plain integers.
    let answer = unsafe {
        libc::sync_file_range(file.as_raw_fd(), offset, length, libc::SYNC_FILE_RANGE_WRITE)
    };
    if answer == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Waits until what `start_writeback` began in a range has reached the device, so that dirty memory stays bounded.
pub(crate) fn await_writeback(file: &File, offset: u64, length: u64) -> io::Result<()> {
    let (Ok(offset), Ok(length)) = (i64::try_from(offset), i64::try_from(length)) else {
        return Ok(());
    };
    let flags = libc::SYNC_FILE_RANGE_WAIT_BEFORE
        | libc::SYNC_FILE_RANGE_WRITE
        | libc::SYNC_FILE_RANGE_WAIT_AFTER;
    // SAFETY: the descriptor is open for the whole call, and the others are plain integers.
    let answer = unsafe { libc::sync_file_range(file.as_raw_fd(), offset, length, flags) };
    if answer == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Lets tokio wait for a descriptor that is owned by what is given.
pub(crate) fn waitable<T: AsRawFd>(owner: T) -> io::Result<AsyncFd<T>> {
    // SAFETY: every caller gives an owner of its descriptor, which answers with the same one until it is dropped with the result.
    unsafe { AsyncFd::register(owner) }.map_err(io::Error::from)
}
