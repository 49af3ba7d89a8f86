//! The dnsmasq process: started, found again, told to read its files anew, ended.

use crate::net::folder::{self, NetworkFolder};
use crate::net::namespace::{Identity, Namespace};
use crate::net::process::{self, Process};
use rustix::process::Signal;
use std::fs;
use std::io;
use std::path::Path;
use std::process::{Command, Stdio};

/// The server of one network.
#[derive(Debug)]
pub(super) struct Server {
    folder: NetworkFolder,
    process: Option<Process>,
    wanted: bool,
}

impl Server {
    /// Finds the server that runs for this network in that namespace. Any other that runs for it is ended: it was being
    /// started when its agent died, or serves a namespace that has lost its name.
    pub(super) fn adopt(folder: &NetworkFolder, namespace: Identity) -> io::Result<Self> {
        let argument = argument(folder);
        let noted = fs::read_to_string(folder.process_id()).ok();
        let noted = noted.and_then(|text| text.trim().parse().ok());
        let mut own = None;
        if let Some(process) = noted.map(Process::find).transpose()?.flatten()
            && process.has_argument(&argument)?
            && process.is_in(namespace)?
        {
            own = Some(process);
        }
        let own_id = own.as_ref().map(Process::id);
        process::kill_all(|process| {
            Ok(Some(process.id()) != own_id && process.has_argument(&argument)?)
        })?;
        Ok(Self { folder: folder.clone(), wanted: own.is_some(), process: own })
    }

    /// Ends the server unless it runs with just this configuration; `None` wants none to run. Whether all is as wanted now.
    pub(super) fn settle(&mut self, config: Option<&str>) -> io::Result<bool> {
        self.wanted = config.is_some();
        if self.is_running()? {
            let present = fs::read_to_string(self.folder.config()).ok();
            if config.is_some() && present.as_deref() == config {
                return Ok(true);
            }
            self.kill()?;
        }
        Ok(config.is_none())
    }

    /// Starts the server, and returns when it serves.
    pub(super) async fn start(&mut self, program: &Path, namespace: &Namespace) -> io::Result<()> {
        if let Some(closed) = self.folder.closed_above()? {
            return Err(io::Error::new(
                io::ErrorKind::PermissionDenied,
                format!(
                    "the DHCP server has no rights and cannot pass through {0}: chmod o+x {0}",
                    closed.display()
                ),
            ));
        }
        folder::remove_file(&self.folder.process_id())?;
        let mut command = Command::new(program);
        command
            .arg(argument(&self.folder))
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let program = program.to_owned();
        // The child is born into the namespace of the thread that starts it. The server puts itself into the background
        // when all its sockets are open, and this command then ends.
        let (folder, identity) = (self.folder.clone(), namespace.identity());
        let start = move || {
            let output = command.output().map_err(|error| not_found(&program, &error))?;
            if !output.status.success() {
                return Err(io::Error::other(format!(
                    "dnsmasq did not start: {}",
                    String::from_utf8_lossy(&output.stderr).trim()
                )));
            }
            Self::adopt(&folder, identity)
        };
        let adopted = namespace.run(start).await?;
        if adopted.process.is_none() {
            return Err(io::Error::other("dnsmasq started, and ended at once"));
        }
        *self = adopted;
        Ok(())
    }

    /// Whether it runs.
    pub(super) fn is_running(&self) -> io::Result<bool> {
        self.process.as_ref().map_or(Ok(false), Process::is_alive)
    }

    /// Whether it runs if it should.
    pub(super) fn is_settled(&self) -> io::Result<bool> {
        Ok(!self.wanted || self.is_running()?)
    }

    /// Has it forget which addresses it may lend, and read the files anew. One that starts later does so anyway.
    pub(super) fn reload(&self) -> io::Result<()> {
        match &self.process {
            Some(process) => process.signal(Signal::HUP),
            None => Ok(()),
        }
    }

    /// Ends it.
    pub(super) fn kill(&mut self) -> io::Result<()> {
        if let Some(process) = &self.process {
            process.kill()?;
        }
        self.process = None;
        Ok(())
    }
}

/// Ends every server of that network.
pub(in crate::net) fn kill_all(folder: &NetworkFolder) -> io::Result<()> {
    let argument = argument(folder);
    process::kill_all(|process| process.has_argument(&argument))
}

/// The only argument, by which the process is known as this network's.
fn argument(folder: &NetworkFolder) -> String {
    format!("--conf-file={}", folder.config().display())
}

fn not_found(program: &Path, error: &io::Error) -> io::Error {
    io::Error::new(
        error.kind(),
        format!("{} cannot be run ({error}): install the package dnsmasq-base", program.display()),
    )
}
