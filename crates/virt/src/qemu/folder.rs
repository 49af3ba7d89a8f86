//! What QEMU's driver keeps in a guest's folder, and the lock that says whether a process of it lives.
//!
//! The lock is the heart of adoption. It is taken before the fork, by an open file that the child inherits and QEMU keeps
//! open without knowing of it; the agent closes its own. So the kernel holds it for exactly as long as a process of this
//! guest lives, from before its first instruction to after its last, and whoever gets the lock knows that there is none.

use rustix::fs::{FlockOperation, flock};
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

/// Lock of the guest's process, and its id.
const LOCK: &str = "qemu.pid";
/// QEMU's own messages.
const LOG: &str = "qemu.log";
/// The monitor's socket.
pub const MONITOR: &str = "qmp.sock";
/// Where the serial console is written.
pub const CONSOLE: &str = "console.log";
/// At this size QEMU's log is begun anew with the next start.
const LOG_LIMIT: u64 = 1 << 20;
/// How much of QEMU's log an error quotes.
const LOG_TAIL: u64 = 600;

/// A guest's folder.
#[derive(Clone, Debug)]
pub(crate) struct Folder(PathBuf);

/// Whether a process of a folder lives.
#[derive(Debug)]
pub(crate) enum Occupation {
    /// None does.
    Free,
    /// One does, and wrote this id; `None` when it has not come to that.
    Taken(Option<u32>),
    /// There is no lock: no guest was ever started here, or somebody took it away.
    Never,
}

impl Folder {
    pub(crate) fn new(path: &Path) -> Self {
        Self(path.to_owned())
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// Takes the lock for a process to come. `None` when one lives.
    pub(crate) fn occupy(&self) -> io::Result<Option<File>> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o640)
            .open(self.0.join(LOCK))?;
        Ok(try_lock(&file)?.then_some(file))
    }

    /// Looks whether a process lives. When none does, what one left is removed: all but the logs, and the lock's file,
    /// which stays as an empty witness that nobody has it.
    pub(crate) fn occupation(&self) -> io::Result<Occupation> {
        let path = self.0.join(LOCK);
        let mut file = match OpenOptions::new().read(true).write(true).open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Occupation::Never),
            Err(error) => return Err(error),
        };
        if try_lock(&file)? {
            self.remove_socket()?;
            file.set_len(0)?;
            return Ok(Occupation::Free);
        }
        let mut text = String::new();
        file.read_to_string(&mut text)?;
        Ok(Occupation::Taken(text.trim().parse().ok()))
    }

    /// The id that the guest's process has written down, which may have ended. Touches no lock: nobody is disturbed.
    pub(crate) fn recorded(&self) -> Option<u32> {
        std::fs::read_to_string(self.0.join(LOCK)).ok()?.trim().parse().ok()
    }

    pub(crate) fn remove_socket(&self) -> io::Result<()> {
        match std::fs::remove_file(self.0.join(MONITOR)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Listens on the monitor's socket, in the place of any that was there. Only the caller's user can connect.
    pub(crate) fn listen(&self) -> io::Result<UnixListener> {
        let folder = File::open(&self.0)?;
        self.remove_socket()?;
        let path = short_path(&folder);
        let listener = UnixListener::bind(&path)?;
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600))?;
        Ok(listener)
    }

    /// Connects to the monitor.
    pub(crate) fn connect(&self) -> io::Result<UnixStream> {
        let folder = File::open(&self.0)?;
        UnixStream::connect(short_path(&folder))
    }

    /// Opens the console's log for appending.
    pub(crate) fn console(&self) -> io::Result<File> {
        append(&self.0.join(CONSOLE))
    }

    /// Opens QEMU's log for appending; says where this start's part begins.
    pub(crate) fn log(&self) -> io::Result<(File, u64)> {
        let file = append(&self.0.join(LOG))?;
        let mut length = file.metadata()?.len();
        if length > LOG_LIMIT {
            file.set_len(0)?;
            length = 0;
        }
        Ok((file, length))
    }

    /// The end of what QEMU has logged since `from`, on one line.
    pub(crate) fn log_tail(&self, from: u64) -> String {
        let read = || -> io::Result<Vec<u8>> {
            let mut file = File::open(self.0.join(LOG))?;
            let length = file.metadata()?.len();
            file.seek(SeekFrom::Start(from.max(length.saturating_sub(LOG_TAIL))))?;
            let mut bytes = Vec::new();
            file.take(LOG_TAIL).read_to_end(&mut bytes)?;
            Ok(bytes)
        };
        let bytes = read().unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        let lines: Vec<&str> = text.lines().map(str::trim).filter(|l| !l.is_empty()).collect();
        lines.join("; ")
    }
}

/// The socket's path through an open descriptor of its folder: short enough for a socket's address however long the
/// folder's own path is.
fn short_path(folder: &File) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}/{MONITOR}", folder.as_raw_fd()))
}

fn append(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).mode(0o640).open(path)
}

fn try_lock(file: &File) -> io::Result<bool> {
    match flock(file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(true),
        Err(rustix::io::Errno::WOULDBLOCK) => Ok(false),
        Err(error) => Err(error.into()),
    }
}
