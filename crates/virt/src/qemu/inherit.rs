//! Opens all that a guest's process needs, so that it needs no right of its own.

use super::command_line::{Descriptors, NicDescriptors};
use super::settings::Accelerator;
use hatchery_model::compute::GuestDefinition;
use hatchery_model::disk::BlockSource;
use hatchery_ports::hypervisor::{HypervisorError, Tap};
use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::path::Path;

/// The device of the processor's virtualisation.
pub(crate) const KVM_DEVICE: &str = "/dev/kvm";
/// The device of packets carried by the kernel.
const VHOST_DEVICE: &str = "/dev/vhost-net";

/// Open files for a child, which keep their numbers in it.
#[derive(Debug, Default)]
pub(crate) struct Inheritance(Vec<OwnedFd>);

impl Inheritance {
    /// Adds one; gives its number.
    pub(crate) fn add(&mut self, file: impl Into<OwnedFd>) -> RawFd {
        let file = file.into();
        let number = file.as_raw_fd();
        self.0.push(file);
        number
    }

    /// All of them.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &OwnedFd> {
        self.0.iter()
    }

    /// Opens a guest's disks, config drive, taps and accelerator. The monitor and the console are the caller's.
    pub(crate) fn open(
        &mut self,
        definition: &GuestDefinition,
        accelerator: Accelerator,
        taps: Vec<Tap>,
    ) -> Result<Descriptors, HypervisorError> {
        if taps.len() != definition.nics.len() {
            return Err(HypervisorError::Invalid(format!(
                "the guest has {} network interfaces, and {} were plugged",
                definition.nics.len(),
                taps.len()
            )));
        }
        let mut descriptors = Descriptors::default();
        for disk in &definition.disks {
            let layers = open_layers(&disk.source)?;
            descriptors.disks.push(layers.into_iter().map(|layer| self.add(layer)).collect());
        }
        if let Some(path) = &definition.config_drive {
            let file = File::open(path).map_err(|e| cannot_open("config drive", path, e))?;
            descriptors.config_drive = Some(self.add(file));
        }
        let on_kvm = accelerator == Accelerator::Kvm;
        if on_kvm {
            descriptors.kvm = Some(self.add(open_kvm()?));
        }
        for tap in taps {
            let tap = tap.device.map(|device| self.add(device));
            // Its absence is no fault: packets then pass through QEMU.
            let vhost = tap
                .filter(|_| on_kvm)
                .and_then(|_| read_write(Path::new(VHOST_DEVICE)).ok())
                .map(|device| self.add(device));
            descriptors.nics.push(NicDescriptors { tap, vhost });
        }
        Ok(descriptors)
    }
}

/// Opens the files of a disk's layers, the top one first, and that one alone for writing.
pub(crate) fn open_layers(source: &BlockSource) -> Result<Vec<File>, HypervisorError> {
    let mut files = Vec::new();
    let mut next = Some(source);
    while let Some(layer) = next {
        let (path, read_only) = match layer {
            BlockSource::File { path, read_only, .. } => (path, *read_only),
            // Not a file: nothing to be opened here.
            BlockSource::Rbd(_) => break,
        };
        let writable = files.is_empty() && !read_only;
        let file = if writable { read_write(path) } else { File::open(path) };
        files.push(file.map_err(|error| cannot_open("disk", path, error))?);
        next = layer.backing();
    }
    Ok(files)
}

/// Opens the device of the processor's virtualisation.
pub(crate) fn open_kvm() -> Result<File, HypervisorError> {
    read_write(Path::new(KVM_DEVICE)).map_err(|error| {
        HypervisorError::Unsupported(format!(
            "{KVM_DEVICE} cannot be opened ({error}): turn virtualisation on in the firmware and load the module kvm_intel or \
             kvm_amd, or choose the accelerator tcg"
        ))
    })
}

fn read_write(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).open(path)
}

fn cannot_open(what: &str, path: &Path, source: io::Error) -> HypervisorError {
    HypervisorError::Unavailable { doing: format!("open the {what} {}", path.display()), source }
}
