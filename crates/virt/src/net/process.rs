//! Processes, held by descriptor so that a number used again never names another one.

use super::namespace::Identity;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

/// A process, alive or dead, never another one.
#[derive(Debug)]
pub(super) struct Process {
    id: i32,
    descriptor: OwnedFd,
}

/// How long a killed process may take to be gone; one that the disk holds up takes longest.
const END: Timespec = Timespec { tv_sec: 10, tv_nsec: 0 };

impl Process {
    /// The process with that number now.
    pub(super) fn find(id: i32) -> io::Result<Option<Self>> {
        let Some(pid) = Pid::from_raw(id).filter(|_| id > 0) else {
            return Ok(None);
        };
        match pidfd_open(pid, PidfdFlags::empty()) {
            Ok(descriptor) => Ok(Some(Self { id, descriptor })),
            Err(rustix::io::Errno::SRCH | rustix::io::Errno::INVAL) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Its number. It names this process only while the process is alive.
    pub(super) fn id(&self) -> i32 {
        self.id
    }

    /// Whether it has not ended yet.
    pub(super) fn is_alive(&self) -> io::Result<bool> {
        Ok(!self.ended_within(&Timespec { tv_sec: 0, tv_nsec: 0 })?)
    }

    /// Whether it runs in that namespace.
    pub(super) fn is_in(&self, namespace: Identity) -> io::Result<bool> {
        let inside = match Identity::of(&self.proc("ns/net")) {
            Ok(own) => own == namespace,
            Err(_) if !self.is_alive()? => false,
            // A process without namespaces is dying; one that root may not look at is none of ours.
            Err(error) if error.kind() == io::ErrorKind::NotFound => false,
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => false,
            Err(error) => return Err(error),
        };
        // Only now is it certain that the number was this process's while it was read.
        Ok(inside && self.is_alive()?)
    }

    /// Whether it was started with that argument.
    pub(super) fn has_argument(&self, wanted: &str) -> io::Result<bool> {
        let line = match fs::read(self.proc("cmdline")) {
            Err(_) if !self.is_alive()? => return Ok(false),
            line => line?,
        };
        let found = line.split(|byte| *byte == 0).any(|argument| argument == wanted.as_bytes());
        Ok(found && self.is_alive()?)
    }

    /// Sends it a signal; `Ok` when it has ended.
    pub(super) fn signal(&self, signal: Signal) -> io::Result<()> {
        match pidfd_send_signal(&self.descriptor, signal) {
            Ok(()) | Err(rustix::io::Errno::SRCH) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Ends it at once, and returns when it has ended. Blocks.
    pub(super) fn kill(&self) -> io::Result<()> {
        self.signal(Signal::KILL)?;
        if self.ended_within(&END)? {
            return Ok(());
        }
        Err(io::Error::new(
            io::ErrorKind::TimedOut,
            format!("process {} was killed and does not end", self.id),
        ))
    }

    fn ended_within(&self, wait: &Timespec) -> io::Result<bool> {
        let mut descriptor = [PollFd::new(&self.descriptor, PollFlags::IN)];
        loop {
            match poll(&mut descriptor, Some(wait)) {
                Ok(ready) => return Ok(ready > 0),
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn proc(&self, name: &str) -> PathBuf {
        Path::new("/proc").join(self.id.to_string()).join(name)
    }
}

/// Every process of this machine for which `wanted` holds; those that end meanwhile are left out. Blocks.
pub(super) fn find_all(wanted: impl Fn(&Process) -> io::Result<bool>) -> io::Result<Vec<Process>> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let Some(id) = entry?.file_name().to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        if let Some(process) = Process::find(id)?
            && wanted(&process)?
        {
            found.push(process);
        }
    }
    Ok(found)
}

/// Ends every process for which `wanted` holds, and those that they start meanwhile. Blocks.
pub(super) fn kill_all(wanted: impl Fn(&Process) -> io::Result<bool>) -> io::Result<()> {
    loop {
        let found = find_all(&wanted)?;
        if found.is_empty() {
            return Ok(());
        }
        for process in &found {
            process.kill()?;
        }
    }
}
