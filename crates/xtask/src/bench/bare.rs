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
const PATIENCE: Duration = Duration::from_secs(10);

/// How to start one, again and again.
pub struct Bare {
    words: Vec<String>,
    owner: Option<(u32, u32)>,
    folder: PathBuf,
    base: PathBuf,
    base_format: String,
    /// Shared with the guest that was taken as the pattern: QEMU only looks at it while it starts.
    tap: Option<(RawFd, OwnedFd)>,
    /// What each inherited number is for.
    files: Vec<(RawFd, Role)>,
}

/// What QEMU does with a file that it is given.
#[derive(Clone, Copy)]
enum Role {
    Disk,
    Base,
    Console,
}

impl Bare {
    /// Takes a running guest as the pattern. It has to stay until the last start.
    pub fn of(process: u32, folder: &Path) -> Result<Self, Failure> {
        let words = command_line(process);
        let files = added_files(&words)?;
        let base = base_of(process)?;
        let format = words.iter().find_map(|word| format_of_base(word));
        let base_format = format.ok_or_else(|| Failure::new("the base has no format"))?;
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
            files,
        })
    }

    /// Starts one, and ends it. Gives the milliseconds from the fork to running processors.
    pub fn start(&self) -> Result<f64, Failure> {
        let mut inherited: Vec<(RawFd, OwnedFd)> = Vec::new();
        for (number, role) in &self.files {
            inherited.push((*number, self.open(*role)?));
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
        // When QEMU ends, its monitor ends.
        drop(listener);
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

    /// A file of its own where the pattern has one of its own; the base is the same.
    fn open(&self, role: Role) -> Result<OwnedFd, Failure> {
        let mut options = File::options();
        // Opened as the driver opens them: QEMU compares.
        let path = match role {
            Role::Base => {
                options.read(true);
                self.base.clone()
            }
            Role::Disk => {
                options.read(true).write(true);
                self.overlay()?
            }
            Role::Console => {
                options.append(true).create(true);
                self.folder.join("console.log")
            }
        };
        options.open(&path).map(OwnedFd::from).map_err(Failure::at(&path))
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

/// The files that QEMU is given, by their numbers, and what for.
fn added_files(words: &[String]) -> Result<Vec<(RawFd, Role)>, Failure> {
    let added = words.windows(2).filter_map(|pair| match pair {
        [option, value] if option == "-add-fd" => descriptor(value),
        _ => None,
    });
    added
        .map(|number| {
            let file = format!("=/dev/fdset/{number}");
            let user = words.iter().find(|word| word.split(',').any(|part| part.ends_with(&file)));
            let role = match user.map(String::as_str) {
                Some(word) if word.contains("id=console,") => Role::Console,
                Some(word) if word.contains("node-name=disk0-base-file,") => Role::Base,
                Some(word) if word.contains("node-name=disk0-file,") => Role::Disk,
                _ => return Err(Failure::new(format!("what is descriptor {number} for?"))),
            };
            Ok((number, role))
        })
        .collect()
}

/// The base's format, of the word that names it in one of QEMU's two ways.
fn format_of_base(word: &str) -> Option<String> {
    if let Ok(json) = serde_json::from_str::<serde_json::Value>(word) {
        let is_base = json["node-name"] == "disk0-base";
        return is_base.then(|| json["driver"].as_str().map(str::to_owned)).flatten();
    }
    let (driver, _) = word.strip_prefix("driver=")?.split_once(",node-name=disk0-base,")?;
    Some(driver.to_owned())
}

/// The base that a guest has open.
fn base_of(process: u32) -> Result<PathBuf, Failure> {
    let folder = PathBuf::from(format!("/proc/{process}/fd"));
    let entries = fs::read_dir(&folder).map_err(Failure::at(&folder))?;
    let mut links = entries.flatten().filter_map(|entry| fs::read_link(entry.path()).ok());
    let base = links.find(|path| path.parent().is_some_and(|parent| parent.ends_with("_base")));
    base.ok_or_else(|| Failure::new("the guest has no base"))
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
    use super::{Role, added_files, descriptor, renumbered};

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
        let words = |path: &str| {
            let chardev = format!("file,id=console,path={path},append=on");
            ["-add-fd", "fd=11,set=11", "-chardev", &chardev, "-netdev", "tap,fd=14"]
                .map(str::to_owned)
        };
        let files = added_files(&words("/dev/fdset/11")).unwrap();
        assert!(matches!(files.as_slice(), [(11, Role::Console)]));
        assert!(added_files(&words("/dev/fdset/112")).is_err());
        assert_eq!(descriptor("socket,id=monitor,fd=10,server=on"), Some(10));
        assert_eq!(descriptor("tap,vhostfd=10"), None);
    }
}
