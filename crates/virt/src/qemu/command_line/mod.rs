//! From a guest's definition to QEMU's arguments: pure, one file a device.
//!
//! No path appears here. Every file is opened by the agent and handed over as a descriptor, so that QEMU's user needs no
//! right in the filesystem, and nothing that a path may contain has to be quoted.

mod config_drive;
mod console;
mod disk;
mod graph;
mod machine;
mod monitor;
mod nic;

use super::cache::CacheMode;
use super::settings::Accelerator;
use hatchery_model::compute::GuestDefinition;
use std::os::fd::RawFd;

pub(super) use disk::{OWN_DISK, SLOTS, node_of_volume};
pub(super) use graph::{nodes, own_file, secret_of};
pub use nic::NicDescriptors;

/// Descriptors that QEMU inherits, by their numbers.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Descriptors {
    /// Listening socket of the monitor.
    pub monitor: RawFd,
    /// Console log, open for appending.
    pub console: RawFd,
    /// For each disk its layers, the top one first.
    pub disks: Vec<Vec<RawFd>>,
    /// How each disk is cached; those that are missing as QEMU does by itself.
    pub caches: Vec<CacheMode>,
    /// Config drive, open for reading.
    pub config_drive: Option<RawFd>,
    /// Backends of each interface.
    pub nics: Vec<NicDescriptors>,
    /// The open `/dev/kvm`.
    pub kvm: Option<RawFd>,
}

/// Why no command line can be made of a definition. The text is for the user.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{0}")]
pub struct CannotRun(pub String);

/// Slots of the one PCI bus. Fixed, so that a guest names its devices alike whatever else it has: its first interface is
/// `ens3`.
mod slot {
    /// First interface.
    pub(super) const NIC: usize = 0x03;
    /// First disk.
    pub(super) const DISK: usize = 0x10;
    /// Config drive.
    pub(super) const CONFIG_DRIVE: usize = 0x1d;
    /// Random numbers.
    pub(super) const RANDOM: usize = 0x1e;
}

/// Arguments, without the program's name.
pub fn arguments(
    definition: &GuestDefinition,
    accelerator: Accelerator,
    descriptors: &Descriptors,
) -> Result<Vec<String>, CannotRun> {
    let mut args = Arguments::default();
    machine::identity(&mut args, definition)?;
    machine::hardware(&mut args, definition, accelerator, descriptors.kvm)?;
    machine::confinement(&mut args);
    monitor::add(&mut args, descriptors.monitor);
    console::add(&mut args, descriptors.console);
    let Descriptors { disks, caches, .. } = descriptors;
    disk::add_all(&mut args, &definition.disks, disks, caches)?;
    config_drive::add(&mut args, descriptors.config_drive);
    nic::add_all(&mut args, &definition.nics, &descriptors.nics)?;
    machine::random(&mut args);
    Ok(args.0)
}

/// The words that every command line of a server's guest has next to each other, by which its process is known in
/// `/proc`.
pub fn mark(server: hatchery_model::id::ServerId) -> [String; 2] {
    ["-uuid".to_owned(), server.to_string()]
}

#[derive(Default)]
struct Arguments(Vec<String>);

impl Arguments {
    fn option(&mut self, name: &str, value: impl Into<String>) {
        self.0.push(name.to_owned());
        self.0.push(value.into());
    }

    fn flag(&mut self, name: &str) {
        self.0.push(name.to_owned());
    }

    /// The same as [`Self::inherited_file`], for a disk: by its node's name the file is given back when the disk is taken out.
    fn layer_file(&mut self, descriptor: RawFd, node: &str) -> String {
        self.option("-add-fd", format!("fd={descriptor},set={descriptor},opaque={node}"));
        format!("/dev/fdset/{descriptor}")
    }

    /// Makes an inherited descriptor a file that QEMU can open; gives the name.
    fn inherited_file(&mut self, descriptor: RawFd) -> String {
        self.option("-add-fd", format!("fd={descriptor},set={descriptor}"));
        format!("/dev/fdset/{descriptor}")
    }
}

/// A value as QEMU's option syntax wants it: commas doubled. Refuses what no such value needs.
fn value(what: &str, text: &str) -> Result<String, CannotRun> {
    if text.is_empty() || text.len() > 255 || text.chars().any(char::is_control) {
        return Err(CannotRun(format!(
            "{what} must have 1 to 255 characters and no control characters"
        )));
    }
    Ok(text.replace(',', ",,"))
}

#[cfg(test)]
mod tests;
