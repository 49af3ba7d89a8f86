//! One process: spawned to outlive its parent, or found again; held by a pidfd, so that no other process is ever taken
//! for it.

use super::inherit::Inheritance;
use crate::ffi::{BeforeExec, before_exec, watch_descriptor};
use rustix::fs::Mode;
use rustix::io::{Errno, FdFlags, fcntl_setfd};
use rustix::process::{
    Pid, PidfdFlags, Signal, WaitId, WaitIdOptions, pidfd_open, pidfd_send_signal, setsid, umask,
    waitid,
};
use rustix::thread::{
    Gid, Uid, set_no_new_privs, set_thread_groups, set_thread_res_gid, set_thread_res_uid,
};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::io::unix::AsyncFd;
use tokio::sync::OwnedMutexGuard;

/// How a process ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Exit {
    /// By itself, with a status.
    Status(i32),
    /// By a signal.
    Signal(i32),
    /// It was no child of ours, so nobody told us.
    Unknown,
}

/// The right to start a process for a folder, given back when it is dropped.
pub(crate) type Turn = OwnedMutexGuard<()>;

/// What to run.
pub(crate) struct Job<'a> {
    pub(crate) program: &'a Path,
    pub(crate) arguments: &'a [String],
    pub(crate) folder: &'a Path,
    pub(crate) user: Option<(u32, u32)>,
    /// Standard output and error.
    pub(crate) log: File,
    /// Locked; the child writes its id to it and keeps it open.
    pub(crate) lock: Option<File>,
    /// Kept until it is certain whether the process is to live, and until it is gone if it is not.
    pub(crate) turn: Option<Turn>,
    pub(crate) inheritance: Inheritance,
}

/// A process that was just spawned. Killed and reaped if dropped before it is [kept](Spawned::keep).
#[derive(Debug)]
pub(crate) struct Spawned {
    pid: u32,
    pidfd: Option<OwnedFd>,
    turn: Option<Turn>,
}

/// A process.
#[derive(Debug)]
pub(crate) struct Process {
    pid: u32,
    pidfd: AsyncFd<OwnedFd>,
    exit: Mutex<Option<Exit>>,
}

/// Spawns. Blocks for a millisecond or so; needs no runtime.
pub(crate) fn spawn(job: Job<'_>) -> io::Result<Spawned> {
    let Job { program, arguments, folder, user, log, lock, turn, inheritance } = job;
    let mut command = Command::new(program);
    command
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log);
    let steps = ChildSetup { user, lock, inheritance };
    before_exec(&mut command, steps);
    let mut child = command.spawn()?;
    // Nobody but us waits for it, so until then the id is its own.
    match open_pidfd(child.id()) {
        Ok(pidfd) => Ok(Spawned { pid: child.id(), pidfd: Some(pidfd), turn }),
        Err(error) => {
            child.kill()?;
            child.wait()?;
            Err(error)
        }
    }
}

impl Spawned {
    /// The process as something to wait for. It is reaped when it ends, as long as the runtime lives.
    pub(crate) fn watch(&self) -> io::Result<Arc<Process>> {
        let Some(pidfd) = &self.pidfd else {
            return Err(io::ErrorKind::NotFound.into());
        };
        let process = Arc::new(Process::new(self.pid, pidfd.try_clone()?)?);
        let reaper = Arc::clone(&process);
        tokio::spawn(async move { reaper.ended().await });
        Ok(process)
    }

    /// Lets it live.
    pub(crate) fn keep(mut self) {
        self.pidfd = None;
    }
}

impl Drop for Spawned {
    fn drop(&mut self) {
        let Some(pidfd) = self.pidfd.take() else {
            return;
        };
        // It can only fail on a process that has ended.
        let _ = pidfd_send_signal(&pidfd, Signal::KILL);
        // A thread of its own: a process in an uninterruptible call may take its time to die.
        let turn = self.turn.take();
        std::thread::spawn(move || {
            // It fails only when a watcher was quicker.
            let _ = waitid(WaitId::PidFd(pidfd.as_fd()), WaitIdOptions::EXITED);
            drop(turn);
        });
    }
}

impl Process {
    fn new(pid: u32, pidfd: OwnedFd) -> io::Result<Self> {
        Ok(Self { pid, pidfd: watch_descriptor(pidfd)?, exit: Mutex::new(None) })
    }

    /// Takes hold of a process that is no child of ours, if there is one with that id.
    pub(crate) fn find(pid: u32) -> io::Result<Option<Self>> {
        match open_pidfd(pid) {
            Ok(pidfd) => Self::new(pid, pidfd).map(Some),
            Err(error) if error.raw_os_error() == Some(Errno::SRCH.raw_os_error()) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Its id.
    pub(crate) fn id(&self) -> u32 {
        self.pid
    }

    /// Returns when it has ended.
    pub(crate) async fn ended(&self) -> Exit {
        // An error would mean that the runtime is going away, and this task with it.
        let _ = self.pidfd.readable().await;
        let mut exit = self.exit.lock().unwrap_or_else(PoisonError::into_inner);
        *exit.get_or_insert_with(|| reap(self.pidfd.as_fd()))
    }

    /// Whether it has ended.
    pub(crate) fn has_ended(&self) -> bool {
        let mut watched =
            [rustix::event::PollFd::new(self.pidfd.get_ref(), rustix::event::PollFlags::IN)];
        let now = rustix::time::Timespec { tv_sec: 0, tv_nsec: 0 };
        rustix::event::poll(&mut watched, Some(&now)).is_ok_and(|ready| ready > 0)
    }

    /// Sends a signal. `Ok` when it had ended.
    pub(crate) fn signal(&self, signal: Signal) -> io::Result<()> {
        match pidfd_send_signal(self.pidfd.get_ref(), signal) {
            Ok(()) | Err(Errno::SRCH) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Its command line's words; empty for a process that has ended. The words are certainly this process's own.
    pub(crate) fn words(&self) -> io::Result<Vec<String>> {
        let words = words_of(self.pid)?;
        // It lived after the reading, so its id was its own all the while.
        Ok(if self.has_ended() { Vec::new() } else { words })
    }
}

/// The command line of whatever has that id now; empty when nothing has.
pub(crate) fn words_of(pid: u32) -> io::Result<Vec<String>> {
    match std::fs::read(format!("/proc/{pid}/cmdline")) {
        Ok(bytes) => Ok(bytes
            .split(|byte| *byte == 0)
            .map(|word| String::from_utf8_lossy(word).into_owned())
            .collect()),
        Err(error)
            if error.kind() == io::ErrorKind::NotFound
                || error.raw_os_error() == Some(Errno::SRCH.raw_os_error()) =>
        {
            Ok(Vec::new())
        }
        Err(error) => Err(error),
    }
}

fn open_pidfd(pid: u32) -> io::Result<OwnedFd> {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw).ok_or(Errno::SRCH)?;
    Ok(pidfd_open(pid, PidfdFlags::empty())?)
}

fn reap(pidfd: BorrowedFd<'_>) -> Exit {
    match waitid(WaitId::PidFd(pidfd), WaitIdOptions::EXITED | WaitIdOptions::NOHANG) {
        Ok(Some(status)) => match (status.exit_status(), status.terminating_signal()) {
            (Some(code), _) => Exit::Status(code),
            (None, Some(signal)) => Exit::Signal(signal),
            (None, None) => Exit::Unknown,
        },
        _ => Exit::Unknown,
    }
}

/// What the child does to itself before it becomes QEMU. Holds what the child inherits, so that the parent's copies are
/// closed with the command.
struct ChildSetup {
    user: Option<(u32, u32)>,
    lock: Option<File>,
    inheritance: Inheritance,
}

impl BeforeExec for ChildSetup {
    fn run(&self) -> io::Result<()> {
        // First of all, so that whoever finds the lock taken soon knows by whom.
        if let Some(lock) = &self.lock {
            write_own_id(lock)?;
            fcntl_setfd(lock, FdFlags::empty())?;
        }
        for file in self.inheritance.iter() {
            fcntl_setfd(file, FdFlags::empty())?;
        }
        // A session of its own: no terminal and no signal of the parent's group reaches it.
        setsid()?;
        umask(Mode::from_raw_mode(0o027));
        if let Some((user, group)) = self.user {
            let (user, group) = (Uid::from_raw(user), Gid::from_raw(group));
            set_thread_groups(&[])?;
            set_thread_res_gid(group, group, group)?;
            set_thread_res_uid(user, user, user)?;
        }
        set_no_new_privs(true)?;
        Ok(())
    }
}

/// Writes the caller's process id as text, without allocating.
fn write_own_id(file: &File) -> io::Result<()> {
    let mut digits = [b' '; 11];
    digits[10] = b'\n';
    let mut rest = std::process::id();
    for digit in digits[..10].iter_mut().rev() {
        *digit = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    // One write of a fixed length: a reader sees all of it or none.
    file.write_all_at(&digits, 0)
}
