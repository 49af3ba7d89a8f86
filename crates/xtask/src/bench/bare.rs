//! A bare QEMU with the very devices of a real guest: the command line of a running one, on files of its own. Timed from
//! the fork until the monitor says that the processors run.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::os::unix::fs::chown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::io::{FdFlags, fcntl_setfd};
use rustix::process::{PidfdFlags, PidfdGetfdFlags, pidfd_getfd, pidfd_open};

use super::cloud::pid_of;
use super::process::{command_line, owner};
use crate::failure::{Failure, output_of};

/// How long QEMU may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// How to start one, again and again.
pub struct Bare {
    words: Vec<String>,
    owner: Option<(u32, u32)>,
    folder: PathBuf,
    base: PathBuf,
    base_format: String,
    /// Shared with the guest that was taken as the pattern: QEMU only looks at it while it starts.
    tap: Option<(RawFd, OwnedFd)>,
    /// What each inherited number was in the pattern.
    links: Vec<(RawFd, PathBuf)>,
}

impl Bare {
    /// Takes a running guest as the pattern. It has to stay until the last start.
    pub fn of(process: u32, folder: &Path) -> Result<Self, Failure> {
        let words = command_line(process);
        let mut links = Vec::new();
        for number in added_files(&words) {
            let link = format!("/proc/{process}/fd/{number}");
            links.push((number, fs::read_link(&link).map_err(Failure::at(Path::new(&link)))?));
        }
        let base =
            links.iter().find(|(_, path)| path.parent().is_some_and(|p| p.ends_with("_base")));
        let base = base.ok_or_else(|| Failure::new("the guest has no base"))?.1.clone();
        let format = words.iter().find_map(|word| {
            word.strip_prefix("driver=")?.split_once(",node-name=disk0-base,").map(|(name, _)| name)
        });
        let base_format = format.ok_or_else(|| Failure::new("the base has no format"))?.to_owned();
        let tap = words.iter().find_map(|word| word.strip_prefix("tap,")).and_then(descriptor);
        let tap = tap.map(|number| take(process, number).map(|file| (number, file))).transpose()?;
        fs::create_dir_all(folder).map_err(Failure::at(folder))?;
        Ok(Self {
            owner: owner(process),
            folder: folder.to_owned(),
            words,
            base,
            base_format,
            tap,
            links,
        })
    }

    /// Starts one, and ends it. Gives the milliseconds from the fork to running processors.
    pub fn start(&self) -> Result<f64, Failure> {
        let mut inherited: Vec<(RawFd, OwnedFd)> = Vec::new();
        for (number, path) in &self.links {
            inherited.push((*number, self.open(path)?));
        }
        let socket = self.folder.join("qmp.sock");
        let _ = fs::remove_file(&socket);
        let listener = UnixListener::bind(&socket).map_err(Failure::at(&socket))?;
        let monitor = UnixStream::connect(&socket).map_err(Failure::at(&socket))?;
        let mut numbers: Vec<(RawFd, RawFd)> =
            inherited.iter().map(|(old, file)| (*old, file.as_raw_fd())).collect();
        let listening = self.words.iter().find(|word| word.starts_with("socket,id=monitor,"));
        if let Some(old) = listening.and_then(|word| descriptor(word)) {
            numbers.push((old, listener.as_raw_fd()));
        }
        let listener = OwnedFd::from(listener);
        let tap = self.tap.iter().map(|(old, file)| {
            numbers.push((*old, file.as_raw_fd()));
            file
        });
        for file in tap.chain(inherited.iter().map(|(_, file)| file)).chain([&listener]) {
            // The child inherits it; nobody else is forked meanwhile.
            fcntl_setfd(file, FdFlags::empty()).map_err(Failure::of("a descriptor"))?;
        }
        let mut command = self.command(&numbers)?;
        let began = Instant::now();
        let child = command.spawn().map_err(Failure::of("cannot start QEMU"))?;
        let ran = until_running(monitor).map(|()| began.elapsed().as_secs_f64() * 1000.0);
        end(child)?;
        ran.map_err(|failure| {
            let log = fs::read_to_string(self.folder.join("qemu.log")).unwrap_or_default();
            Failure::new(format!("a bare QEMU did not start: {failure}; {log}"))
        })
    }

    fn command(&self, numbers: &[(RawFd, RawFd)]) -> Result<Command, Failure> {
        let mut words = self.words.iter();
        let program = words.next().ok_or_else(|| Failure::new("the guest has no command line"))?;
        let path = self.folder.join("qemu.log");
        let log = File::create(&path).map_err(Failure::at(&path))?;
        let mut command = Command::new(program);
        command.args(words.map(|word| renumbered(word, numbers)));
        command.current_dir("/").env_clear().env("LC_ALL", "C").process_group(0);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        if let Some((user, group)) = self.owner {
            command.uid(user).gid(group);
        }
        Ok(command)
    }

    /// A file of its own where the pattern had one of its own; the base is the same.
    fn open(&self, path: &Path) -> Result<OwnedFd, Failure> {
        let mut options = File::options();
        let own = match path.file_name().and_then(|name| name.to_str()) {
            _ if *path == self.base => {
                return File::open(path).map(OwnedFd::from).map_err(Failure::at(path));
            }
            Some("disk") => self.overlay()?,
            Some("console.log") => {
                options.append(true).create(true);
                self.folder.join("console.log")
            }
            _ => path.to_owned(),
        };
        options.read(true).write(true);
        options.open(&own).map(OwnedFd::from).map_err(Failure::at(&own))
    }

    fn overlay(&self) -> Result<PathBuf, Failure> {
        let path = self.folder.join("disk");
        let mut command = Command::new("qemu-img");
        command.args(["create", "-q", "-f", "qcow2", "-F", &self.base_format, "-b"]);
        output_of(command.arg(&self.base).arg(&path).arg("1G"))?;
        let (user, group) = self.owner.unzip();
        chown(&path, user, group).map_err(Failure::at(&path))?;
        Ok(path)
    }
}

/// Numbers of the files that QEMU is given.
fn added_files(words: &[String]) -> Vec<RawFd> {
    let values = words.windows(2).filter_map(|pair| match pair {
        [option, value] if option == "-add-fd" => descriptor(value),
        _ => None,
    });
    values.collect()
}

/// The number in `fd=N`, of an option's value.
fn descriptor(value: &str) -> Option<RawFd> {
    value.split(',').find_map(|part| part.strip_prefix("fd=")?.parse().ok())
}

/// A word with the numbers of its descriptors replaced. Names of sets stay: they are only names.
fn renumbered(word: &str, numbers: &[(RawFd, RawFd)]) -> String {
    let part = |part: &str| {
        let old = part.strip_prefix("fd=").and_then(|number| number.parse().ok());
        let new = old.and_then(|old: RawFd| numbers.iter().find(|(from, _)| *from == old));
        new.map_or_else(|| part.to_owned(), |(_, to)| format!("fd={to}"))
    };
    word.split(',').map(part).collect::<Vec<_>>().join(",")
}

/// A descriptor of another process, as one of ours.
fn take(process: u32, number: RawFd) -> Result<OwnedFd, Failure> {
    let pid = pid_of(process).ok_or_else(|| Failure::new("no such process"))?;
    let pidfd = pidfd_open(pid, PidfdFlags::empty()).map_err(Failure::of("the guest's process"))?;
    pidfd_getfd(&pidfd, number, PidfdGetfdFlags::empty()).map_err(Failure::of("the guest's tap"))
}

fn until_running(mut monitor: UnixStream) -> Result<(), Failure> {
    let fail = |error| Failure::new(format!("the monitor: {error}"));
    monitor.set_read_timeout(Some(PATIENCE)).map_err(fail)?;
    let ask = b"{\"execute\":\"qmp_capabilities\"}\n{\"execute\":\"query-status\"}\n";
    monitor.write_all(ask).map_err(fail)?;
    let mut lines = BufReader::new(monitor);
    loop {
        let mut line = String::new();
        match lines.read_line(&mut line).map_err(fail)? {
            0 => return Err(Failure::new("the monitor was closed")),
            _ if line.contains("\"running\": true") => return Ok(()),
            _ if line.contains("\"error\"") => return Err(Failure::new(line)),
            _ => {}
        }
    }
}

fn end(mut child: Child) -> Result<(), Failure> {
    child.kill().map_err(Failure::of("QEMU"))?;
    child.wait().map(drop).map_err(Failure::of("QEMU"))
}

#[cfg(test)]
mod tests {
    use super::{added_files, descriptor, renumbered};

    #[test]
    fn descriptors_get_new_numbers_and_nothing_else_does() {
        let numbers = [(14, 33), (11, 40)];
        assert_eq!(renumbered("tap,id=net0,fd=14", &numbers), "tap,id=net0,fd=33");
        assert_eq!(renumbered("fd=11,set=11", &numbers), "fd=40,set=11");
        assert_eq!(
            renumbered("driver=file,filename=/dev/fdset/11", &numbers),
            "driver=file,filename=/dev/fdset/11"
        );
        assert_eq!(renumbered("fd=12,vhostfd=14", &numbers), "fd=12,vhostfd=14");
        let words = ["qemu", "-add-fd", "fd=11,set=11", "-netdev", "tap,fd=14"].map(str::to_owned);
        assert_eq!(added_files(&words), [11]);
        assert_eq!(descriptor("socket,id=monitor,fd=10,server=on"), Some(10));
        assert_eq!(descriptor("tap,vhostfd=10"), None);
    }
}
