//! Opens all that a guest's process needs, so that it needs no right of its own.

use super::cache::{CacheMode, CacheModes};
use super::command_line::{Descriptors, NicDescriptors};
use super::settings::Accelerator;
use hatchery_model::compute::GuestDefinition;
use hatchery_model::disk::BlockSource;
use hatchery_ports::ceph_logins::CephLogins;
use hatchery_ports::hypervisor::{HypervisorError, Tap};
use rustix::fs::{MemfdFlags, Mode, OFlags, memfd_create};
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::os::unix::fs::OpenOptionsExt;
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
        (logins, cache): (&dyn CephLogins, CacheModes),
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
            let opened = open_layers(&disk.source, logins, cache)?;
            descriptors.caches.push(opened.cache);
            let files = opened.files.into_iter().chain(opened.login.map(|login| login.key));
            descriptors.disks.push(files.map(|file| self.add(file)).collect());
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

/// What was opened of a disk.
pub(crate) struct Opened {
    /// The files of its layers, the top one first; of an image in Ceph, the configuration.
    pub(crate) files: Vec<File>,
    /// What an image in Ceph needs besides.
    pub(crate) login: Option<OpenedLogin>,
    /// How its top layer is cached.
    pub(crate) cache: CacheMode,
}

/// A key for Ceph.
pub(crate) struct OpenedLogin {
    /// As a file in memory.
    pub(crate) key: File,
    /// As text, in base64.
    pub(crate) text: String,
}

/// Opens the files of a disk's layers, and the top one alone for writing.
pub(crate) fn open_layers(
    source: &BlockSource,
    logins: &dyn CephLogins,
    cache: CacheModes,
) -> Result<Opened, HypervisorError> {
    let cache = match source {
        BlockSource::File { path, .. } => cache.file.unwrap_or_else(|| best_for(path)),
        BlockSource::Rbd(_) => cache.network.unwrap_or(CacheMode::None),
    };
    let mut opened = Opened { files: Vec::new(), login: None, cache };
    let mut next = Some(source);
    while let Some(layer) = next {
        let (path, read_only) = match layer {
            BlockSource::File { path, read_only, .. } => (path, *read_only),
            BlockSource::Rbd(image) => {
                let login = logins.find(image).map_err(|no| HypervisorError::Invalid(no.0))?;
                let in_memory = |text: &str| {
                    in_memory(text).map_err(|source| HypervisorError::Unavailable {
                        doing: "keep what opens an image of Ceph in memory".to_owned(),
                        source,
                    })
                };
                opened.files.push(in_memory(&login.conf)?);
                let key = in_memory(&login.key)?;
                opened.login = Some(OpenedLogin { key, text: login.key });
                break;
            }
        };
        let is_top = opened.files.is_empty();
        // QEMU takes a file past the page cache only where it was opened so.
        let flags = if is_top && cache.is_direct() { OFlags::DIRECT } else { OFlags::empty() };
        let file = OpenOptions::new()
            .read(true)
            .write(is_top && !read_only)
            .custom_flags(flags.bits().cast_signed())
            .open(path);
        opened.files.push(file.map_err(|error| cannot_open("disk", path, error))?);
        next = layer.backing();
    }
    Ok(opened)
}

/// Nova's choice where nothing is set: past the page cache, where the filesystem can do that.
fn best_for(path: &Path) -> CacheMode {
    let flags = OFlags::RDONLY | OFlags::DIRECT | OFlags::CLOEXEC;
    match rustix::fs::open(path, flags, Mode::empty()) {
        Err(rustix::io::Errno::INVAL) => CacheMode::Writeback,
        // What else is wrong shows when it is opened.
        Ok(_) | Err(_) => CacheMode::None,
    }
}

/// A file that no folder has. QEMU opens it anew by its descriptor, and may: such files have no owner's rights.
fn in_memory(text: &str) -> io::Result<File> {
    let mut file = File::from(memfd_create(c"ceph", MemfdFlags::CLOEXEC)?);
    file.write_all(text.as_bytes())?;
    Ok(file)
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
