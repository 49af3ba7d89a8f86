//! Port security: a guest sends only in its own name. Nobody takes a neighbour's hardware or IP address, answers ARP for
//! it, plays the DHCP server or the router, or asks the metadata service as someone else. `ruleset.nft` says just how.
//!
//! The rules stand in the network's namespace and go with it. They let nothing through that their sets do not name, so a tap
//! is dumb until its port is admitted. Not here: which traffic a guest may receive (security groups).

mod netfilter;
mod rights;
mod ruleset;

use super::folder::NetworkFolder;
use super::namespace::{Namespace, on_new_thread};
use super::settings::NetSettings;
use hatchery_model::compute::GuestNic;
use hatchery_model::id::PortId;
use netfilter::Netfilter;
use nix::fcntl::{Flock, FlockArg};
use rights::Notes;
use ruleset::Element;
use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

pub(super) use rights::Rights;

/// The kernel's count in a namespace where there was never a rule.
const FIRST: u32 = 1;

/// The rules of one network.
#[derive(Debug)]
pub(super) struct PortSecurity {
    folder: NetworkFolder,
    notes: Notes,
    netfilter: Netfilter,
    nft: PathBuf,
    /// The kernel's count of changes at which its rules are just what the notes say. `None` when they may differ.
    in_line_at: Option<u32>,
}

impl PortSecurity {
    /// As it stands. `before` are the ports of a version that kept no notes of rights.
    pub(super) async fn open(
        settings: &NetSettings,
        folder: &NetworkFolder,
        namespace: &Namespace,
        before: BTreeMap<PortId, Rights>,
    ) -> io::Result<Self> {
        let (folder, nft) = (folder.clone(), settings.nft.clone());
        let open = move || {
            let notes = Notes::load(&folder, before)?;
            Ok(Self { folder, notes, netfilter: Netfilter::open()?, nft, in_line_at: None })
        };
        namespace.run(open).await
    }

    /// Whether the kernel's rules are what they should be, and nobody has touched them.
    pub(super) fn is_whole(&self) -> io::Result<bool> {
        match self.in_line_at {
            Some(generation) => Ok(self.netfilter.generation()? == generation),
            None => Ok(false),
        }
    }

    /// Has the rules stand, with the rights of every port that is noted. In one step: those who may send are not held up.
    pub(super) async fn ensure(&mut self, namespace: &Namespace) -> io::Result<()> {
        if self.is_whole()? { Ok(()) } else { self.make_whole(namespace).await }
    }

    /// Lets a port's guest send in the port's name, and nobody else. Before its tap carries anything.
    pub(super) async fn admit(&mut self, namespace: &Namespace, nic: &GuestNic) -> io::Result<()> {
        // Whoever is broken off from here on leaves it to the next one to make the rules whole.
        let generation = self.in_line_at.take();
        let wanted = Rights::of(nic);
        let mut gone = Vec::new();
        for port in self.notes.in_the_way_of(nic.port, &wanted) {
            gone.extend(elements(port, self.notes.remove(port)?));
        }
        let new = ruleset::elements(nic.port, &wanted);
        gone.extend(elements(nic.port, self.notes.write(nic.port, wanted)?));
        self.in_line_at = generation.and_then(|generation| self.change(generation, &gone, &new));
        self.ensure(namespace).await
    }

    /// Takes a port's rights away; `Ok` when it has none. After its tap is gone, without which they are good for nothing:
    /// where they cannot be found among the rules, they go with the next `ensure`.
    pub(super) fn remove(&mut self, port: PortId) -> io::Result<()> {
        let generation = self.in_line_at.take();
        let gone = elements(port, self.notes.remove(port)?);
        self.in_line_at = generation.and_then(|generation| self.change(generation, &gone, &[]));
        Ok(())
    }

    /// Brings the kernel's rules to what the notes say now, which differs by these entries from what they said at that
    /// count. The new count; `None` if the rules were not so any more.
    fn change(&self, generation: u32, gone: &[Element], new: &[Element]) -> Option<u32> {
        let less: Vec<_> = gone.iter().filter(|element| !new.contains(element)).collect();
        let more: Vec<_> = new.iter().filter(|element| !gone.contains(element)).collect();
        if less.is_empty() && more.is_empty() {
            return Some(generation);
        }
        let changed = self.netfilter.change(generation, &less, &more);
        let warn = |error: &io::Error| {
            tracing::warn!(%error, "someone else changed the rules of a network, which are made anew");
        };
        changed.inspect_err(warn).ok()
    }

    /// Has `nft` replace whatever there is, in one transaction.
    async fn make_whole(&mut self, namespace: &Namespace) -> io::Result<()> {
        self.in_line_at = None;
        let folder = File::open(self.folder.rights())?;
        let lock = on_new_thread(move || {
            Flock::lock(folder, FlockArg::LockExclusive).map_err(|(_, error)| error.into())
        })
        .await?;
        let generation = self.netfilter.generation()?;
        let path = self.folder.ruleset();
        let text = ruleset::text(generation == FIRST, self.notes.all());
        // As a file, since what a dying agent had written of it to a pipe would be carried out.
        self.folder.write(&path, text.as_bytes())?;
        let nft = self.nft.clone();
        namespace.run(move || run(&nft, &path, &lock)).await?;
        let made = self.netfilter.generation()?;
        if made != netfilter::next(generation) {
            return Err(io::Error::other(
                "something else changes the nftables rules of the network's namespace at the same time: leave them alone",
            ));
        }
        self.in_line_at = Some(made);
        Ok(())
    }
}

fn elements(port: PortId, rights: Option<Rights>) -> Vec<Element> {
    rights.map_or(Vec::new(), |rights| ruleset::elements(port, &rights))
}

fn run(nft: &Path, ruleset: &Path, lock: &Flock<File>) -> io::Result<()> {
    let output = Command::new(nft)
        .arg("-f")
        .arg(ruleset)
        .current_dir("/")
        // Which holds the lock with this process: when that is killed, its heir waits for this command to end.
        .stdin(lock.try_clone()?)
        .output()
        .map_err(|error| {
            let program = nft.display();
            let text = format!("{program} cannot be run ({error}): install the package nftables");
            io::Error::new(error.kind(), text)
        })?;
    if output.status.success() {
        return Ok(());
    }
    Err(io::Error::other(format!(
        "nft did not take the rules (the kernel needs nf_tables with the family bridge): {}",
        String::from_utf8_lossy(&output.stderr).trim()
    )))
}
