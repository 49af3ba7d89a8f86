//! Whether a program has a volume's file open: QEMU locks a few bytes of each file that it writes to.

use nix::fcntl::{FcntlArg, fcntl};
use nix::libc;
use std::fs::OpenOptions;
use std::io;
use std::path::Path;

/// Where QEMU's locks lie, for what it does and for what it lets nobody do.
const LOCKED: (i64, i64) = (100, 200);

/// Says whether somebody holds a lock on the file. `false` when it is not there.
pub(super) fn is_in_use(path: &Path) -> io::Result<bool> {
    let file = match OpenOptions::new().read(true).write(true).open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        file => file?,
    };
    let mut lock = libc::flock {
        l_type: libc::F_WRLCK as i16,
        l_whence: libc::SEEK_SET as i16,
        l_start: LOCKED.0,
        l_len: LOCKED.1,
        l_pid: 0,
    };
    fcntl(&file, FcntlArg::F_OFD_GETLK(&mut lock))?;
    Ok(lock.l_type != libc::F_UNLCK as i16)
}
