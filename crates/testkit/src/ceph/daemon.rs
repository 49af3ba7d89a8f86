//! The daemons of a cluster: found by pid file and command line, started, ended.

use super::CephFailure;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// One daemon of the cluster in a folder.
#[derive(Clone, Debug)]
pub(super) struct Daemon {
    folder: PathBuf,
    /// Such as `osd.0`.
    pub(super) name: String,
}

impl Daemon {
    pub(super) fn new(folder: &Path, name: impl Into<String>) -> Self {
        Self { folder: folder.to_owned(), name: name.into() }
    }

    fn kind_and_id(&self) -> (&str, &str) {
        self.name.split_once('.').unwrap_or((&self.name, ""))
    }

    fn pid_file(&self) -> PathBuf {
        self.folder.join("run").join(format!("{}.pid", self.name))
    }

    fn conf(&self) -> PathBuf {
        self.folder.join("ceph.conf")
    }

    /// Its process, if it lives. A pid file alone proves nothing after a kill or a restart of the machine, so the command line must name
    /// our configuration and the daemon.
    pub(super) fn pid(&self) -> Option<Pid> {
        let number: i32 = fs::read_to_string(self.pid_file()).ok()?.trim().parse().ok()?;
        let pid = Pid::from_raw(number)?;
        let words = fs::read(format!("/proc/{number}/cmdline")).ok()?;
        let conf = self.conf();
        let wanted = [b"-c", conf.as_os_str().as_encoded_bytes(), b"-i"];
        let words: Vec<&[u8]> = words.split(|byte| *byte == 0).collect();
        let (_, id) = self.kind_and_id();
        let is_ours = words.windows(4).any(|four| four[..3] == wanted && four[3] == id.as_bytes());
        let status = fs::read_to_string(format!("/proc/{number}/stat")).ok()?;
        // Behind the name, which may hold anything, stands the state; nobody may have reaped it.
        let state = status.rsplit(')').next()?.trim_start().chars().next()?;
        (is_ours && state != 'Z').then_some(pid)
    }

    /// Its resident memory in MiB.
    pub(super) fn memory_mib(&self) -> Option<u64> {
        let number = self.pid()?.as_raw_nonzero();
        let status = fs::read_to_string(format!("/proc/{number}/status")).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        Some(line.trim().trim_end_matches("kB").trim().parse::<u64>().ok()? / 1024)
    }

    /// Starts it unless it runs. It puts itself into the background and comes back when it is initialised.
    pub(super) fn start(&self) -> Result<(), CephFailure> {
        if self.pid().is_some() {
            return Ok(());
        }
        let (kind, id) = self.kind_and_id();
        let _ = fs::remove_file(self.pid_file());
        let said = self.folder.join("log").join(format!("{}.out", self.name));
        let said_by = File::options().create(true).append(true).open(&said);
        let said_by = said_by.map_err(CephFailure::at(&said))?;
        let program = format!("ceph-{kind}");
        let mut command = Command::new(&program);
        command.arg("-c").arg(self.conf()).args(["-i", id]).stdin(Stdio::null());
        command.stdout(said_by.try_clone().map_err(CephFailure::at(&said))?).stderr(said_by);
        let status = command
            .env_remove("CEPH_ARGS")
            .status()
            .map_err(|error| CephFailure::new(format!("{program} cannot be started: {error}")))?;
        if status.success() {
            return Ok(());
        }
        Err(CephFailure::new(format!(
            "{} does not start ({status}): {}; see {}",
            self.name,
            last_line(&said),
            self.folder.join("log").display()
        )))
    }

    /// Ends it, by force when it takes longer than `patience`.
    pub(super) fn halt(&self, patience: Duration) {
        if !self.end(Signal::TERM, patience) {
            self.kill();
        }
    }

    /// `kill -9`; returns when it is gone.
    pub(super) fn kill(&self) {
        self.end(Signal::KILL, Duration::from_secs(10));
    }

    /// Sends it a signal, and says whether it has ended within `patience`. It is no child: its descriptor tells of its end.
    fn end(&self, signal: Signal, patience: Duration) -> bool {
        let Some(pid) = self.pid() else { return true };
        let Ok(process) = pidfd_open(pid, PidfdFlags::empty()) else {
            return self.pid().is_none();
        };
        // Its number may be another's by the time that it was opened.
        if self.pid() != Some(pid) {
            return true;
        }
        let _ = pidfd_send_signal(&process, signal);
        let deadline = Instant::now() + patience;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let left = Timespec::try_from(left).ok();
            match poll(&mut [PollFd::new(&process, PollFlags::IN)], left.as_ref()) {
                Ok(ended) => return ended > 0,
                Err(Errno::INTR) => {}
                Err(_) => return self.pid().is_none(),
            }
        }
    }
}

fn last_line(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default().to_owned()
}
