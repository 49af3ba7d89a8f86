//! `cargo xtask ceph`: a Ceph of one node to look around in, the same that the tests start.

use std::net::Ipv4Addr;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use hatchery_testkit::{CephNode, CephSettings, ObjectStore};

use crate::failure::{Failure, output_of};
use crate::tidy;

/// A Ceph of one node: pools images, volumes, vms and backups; users admin, glance, cinder and cinder-backup.
#[derive(Subcommand)]
pub enum Ceph {
    /// Make it if it is not there, start what does not run, wait until it takes writes.
    Up(Up),
    /// Stop it; its data stays.
    Down {
        #[command(flatten)]
        place: Place,
        /// Remove its data, too.
        #[arg(long)]
        wipe: bool,
    },
    /// Print what a shell must set to use it: eval "$(cargo xtask ceph env)".
    Env(Place),
    /// Show its daemons and its health; fails unless all run.
    Status(Place),
}

/// Where it is.
#[derive(Args)]
pub struct Place {
    /// Its folder, `target/ceph` unless given.
    #[arg(long)]
    dir: Option<PathBuf>,
}

/// What it is made with; an existing one keeps its own.
#[derive(Args)]
pub struct Up {
    #[command(flatten)]
    place: Place,
    /// Loopback address, one for each cluster of a machine.
    #[arg(long, default_value = "127.0.30.1")]
    address: Ipv4Addr,
    /// Number of OSDs.
    #[arg(long, default_value_t = 1)]
    osds: u32,
    /// Size of each, in GiB: of a sparse file.
    #[arg(long, default_value_t = 20)]
    size: u32,
    /// Keep objects in memory: quicker, and gone after a kill.
    #[arg(long)]
    memstore: bool,
}

impl Ceph {
    /// Does it.
    pub fn run(&self) -> Result<(), Failure> {
        match self {
            Self::Up(up) => up.run(),
            Self::Down { place, wipe } => {
                let node = place.node()?;
                let done = if *wipe { node.wipe() } else { node.down() };
                done.map_err(said)
            }
            Self::Env(place) => place.env(),
            Self::Status(place) => place.status(),
        }
    }
}

impl Up {
    fn run(&self) -> Result<(), Failure> {
        if !self.address.is_loopback() {
            return Err(Failure::new(format!("{} is no loopback address: take one", self.address)));
        }
        let wanted = CephSettings {
            address: self.address,
            osds: self.osds.max(1),
            store: if self.memstore { ObjectStore::Memstore } else { ObjectStore::Bluestore },
            size_gib: self.size,
            mgr: true,
        };
        let began = std::time::Instant::now();
        let node = self.place.node()?;
        let made = node.up(&wanted).map_err(said)?;
        println!(
            "up after {:.1} s at {}; eval \"$(cargo xtask ceph env)\"",
            began.elapsed().as_secs_f64(),
            made.address
        );
        Ok(())
    }
}

impl Place {
    fn node(&self) -> Result<CephNode, Failure> {
        let folder = match &self.dir {
            Some(dir) => std::path::absolute(dir).map_err(Failure::at(dir))?,
            None => tidy::root()?.join("target/ceph"),
        };
        Ok(CephNode::new(&folder))
    }

    fn made(&self) -> Result<(CephNode, CephSettings), Failure> {
        let node = self.node()?;
        match node.settings().map_err(said)? {
            Some(settings) => Ok((node, settings)),
            None => Err(Failure::new("there is no cluster here: cargo xtask ceph up")),
        }
    }

    fn env(&self) -> Result<(), Failure> {
        let (node, settings) = self.made()?;
        println!("export CEPH_CONF={}", quoted(&node.conf().display().to_string()));
        println!("export HATCHERY_CEPH_KEYS={}", quoted(&node.keys().display().to_string()));
        println!("export HATCHERY_CEPH_MONITOR={}:3300", settings.address);
        Ok(())
    }

    fn status(&self) -> Result<(), Failure> {
        let (node, _) = self.made()?;
        let daemons = node.daemons().map_err(said)?;
        for daemon in &daemons {
            match daemon.memory_mib {
                Some(mib) => println!("{:<6} runs, {mib} MiB", daemon.name),
                None => println!("{:<6} does not run", daemon.name),
            }
        }
        if daemons.iter().any(|daemon| daemon.memory_mib.is_none()) {
            return Err(Failure::new("not all of it runs: cargo xtask ceph up"));
        }
        let mut ceph = std::process::Command::new("ceph");
        ceph.arg("--conf").arg(node.conf()).args(["--connect-timeout", "10", "--status"]);
        print!("{}", output_of(&mut ceph)?);
        Ok(())
    }
}

fn said(failure: hatchery_testkit::CephFailure) -> Failure {
    Failure::new(failure.to_string())
}

/// One word for a shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn a_shell_reads_one_word() {
        assert_eq!(quoted("/a b"), "'/a b'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
    }
}
