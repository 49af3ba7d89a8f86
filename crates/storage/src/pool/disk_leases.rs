//! Leases beside an existing Nova, which takes none: read from the disks themselves. A disk whose header names a base holds it, whatever
//! becomes of its host.
//!
//! Each folder of instances that this process can see is read anew every time; what is found is also written into the pool, under the name of
//! the folder, for those who cannot see it. What others have written there counts for ever, however long they are silent: a host that
//! is down for a month has its disks still.

use crate::durable::remove;
use crate::qcow2::{Header, HeaderError};
use async_trait::async_trait;
use hatchery_model::base::{BaseLease, BaseName, LeaseBook, LeaseHolder};
use hatchery_model::id::ServerId;
use hatchery_model::image::ImageFormat;
use hatchery_ports::base_leases::{BaseLeases, LeaseError};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use tokio::task::spawn_blocking;

/// A header with the longest name that QEMU takes ends within this.
const HEAD: u64 = 64 << 10;

/// Where leases are read from, and where they are shared.
#[derive(Clone, Debug)]
pub struct DiskLeases {
    instances: Vec<PathBuf>,
    shared: Option<Shared>,
}

/// The pool's folder of leases, and what this process calls itself in it.
#[derive(Clone, Debug)]
struct Shared {
    folder: PathBuf,
    host: String,
    /// Others' are read, and nothing is written.
    read_only: bool,
}

impl DiskLeases {
    /// Reads the disks in these folders of instances (`instances_path` of each host that is within sight).
    pub fn new(instances: Vec<PathBuf>) -> Self {
        Self { instances, shared: None }
    }

    /// Also shares them with everyone who keeps the pool of this cache, under this host's name, and counts what others have shared.
    #[must_use]
    pub fn shared(self, cache: &Path, host: &str) -> Self {
        let shared = Shared { folder: cache.join(".leases"), host: plain(host), read_only: false };
        Self { shared: Some(shared), ..self }
    }

    /// Counts what others have shared, and writes nothing.
    #[must_use]
    pub fn read_only(mut self) -> Self {
        if let Some(shared) = &mut self.shared {
            shared.read_only = true;
        }
        self
    }

    fn read(&self) -> Result<LeaseBook, LeaseError> {
        let mut own = Vec::new();
        for folder in &self.instances {
            own.extend(read_instances(folder)?);
        }
        let mut book: LeaseBook = own.iter().cloned().collect();
        if let Some(shared) = &self.shared {
            if !shared.read_only {
                shared.write(&own)?;
            }
            book.extend(shared.read_others()?);
        }
        Ok(book)
    }
}

#[async_trait]
impl BaseLeases for DiskLeases {
    async fn list(&self) -> Result<LeaseBook, LeaseError> {
        let leases = self.clone();
        match spawn_blocking(move || leases.read()).await {
            Ok(done) => done,
            Err(error) => Err(LeaseError::Unavailable(error.to_string())),
        }
    }
}

/// A name that stays where it is put.
fn plain(host: &str) -> String {
    host.chars()
        .map(|c| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '_' })
        .collect()
}

fn unreadable(path: &Path, error: &io::Error) -> LeaseError {
    LeaseError::Unavailable(format!(
        "{} cannot be read ({error}), so nobody knows which bases its disks need: nothing is removed until it can",
        path.display()
    ))
}

/// Every lease of the disks in one folder of instances.
fn read_instances(folder: &Path) -> Result<Vec<BaseLease>, LeaseError> {
    let failed = |error: io::Error| unreadable(folder, &error);
    // Nova makes `_base` there with the first image: without it this is not a folder of instances, or it is not mounted.
    if fs::symlink_metadata(folder.join("_base")).is_err() {
        return Err(LeaseError::Unavailable(format!(
            "{} has no _base in it: is it instances_path of a host, and is it mounted? Nothing is removed until it is",
            folder.display()
        )));
    }
    let mut leases = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name();
        let is_folder = entry.file_type().map_err(failed)?.is_dir();
        if !is_folder || name.as_bytes().starts_with(b"_") || name == "locks" {
            continue;
        }
        leases.extend(read_instance(folder, &entry.path())?);
    }
    Ok(leases)
}

/// Every lease of the files in one instance's folder. Nova's resize and migration keep a second one beside it (`<id>_resize`, `_del`).
fn read_instance(instances: &Path, folder: &Path) -> Result<Vec<BaseLease>, LeaseError> {
    let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let server: Option<ServerId> = name.split('_').next().and_then(|id| id.parse().ok());
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        // Deleted since the folder above was read.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(unreadable(folder, &error)),
    };
    let mut leases = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|error| unreadable(folder, &error))?;
        let path = entry.path();
        if !entry.file_type().is_ok_and(|kind| kind.is_file()) {
            continue;
        }
        let Some((base, format)) = backing_base(&path)? else {
            continue;
        };
        let holder = LeaseHolder::Disk {
            host: instances.display().to_string(),
            disk: path.display().to_string(),
            server,
        };
        leases.push(BaseLease { base, holder, format });
    }
    Ok(leases)
}

/// The base that a disk's header names, with the format that it says. `None`: it names none.
fn backing_base(path: &Path) -> Result<Option<(BaseName, Option<ImageFormat>)>, LeaseError> {
    let failed = |error: io::Error| unreadable(path, &error);
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    let mut head = Vec::new();
    file.take(HEAD).read_to_end(&mut head).map_err(failed)?;
    let header = match Header::parse(&head) {
        Ok(header) => header,
        // Not a qcow2 file: a raw disk, a console's log, `disk.info`.
        Err(HeaderError::NotQcow2) => return Ok(None),
        Err(error) => {
            return Err(LeaseError::Unavailable(format!(
                "{} looks like a disk and cannot be understood ({error}): nothing is removed until it can, or is gone",
                path.display()
            )));
        }
    };
    if header.backing_offset == 0 {
        return Ok(None);
    }
    let start = usize::try_from(header.backing_offset).unwrap_or(usize::MAX);
    let name = head.get(start..start.saturating_add(header.backing_length as usize));
    let Some(name) = name.map(|name| Path::new(std::ffi::OsStr::from_bytes(name))) else {
        return Err(LeaseError::Unavailable(format!(
            "{} names its base outside of its header: nothing is removed until that is put right",
            path.display()
        )));
    };
    let base = name.file_name().and_then(|name| name.to_str()).and_then(BaseName::parse);
    let format = header.extensions(&head).ok().and_then(|all| {
        let found = all.iter().find(|one| one.kind == crate::qcow2::EXTENSION_BACKING_FORMAT)?;
        std::str::from_utf8(found.data).ok()?.parse().ok()
    });
    Ok(base.map(|base| (base, format)))
}

impl Shared {
    fn path(&self) -> PathBuf {
        self.folder.join(format!("{}.json", self.host))
    }

    /// Shares what this host's disks hold; writes nothing when that is known already.
    fn write(&self, leases: &[BaseLease]) -> Result<(), LeaseError> {
        let path = self.path();
        let failed = |error: io::Error| {
            LeaseError::Unavailable(format!(
                "leases cannot be written to {} ({error})",
                path.display()
            ))
        };
        let text = serde_json::to_vec(leases).map_err(|error| failed(error.into()))?;
        if fs::read(&path).is_ok_and(|known| known == text) {
            return Ok(());
        }
        crate::durable::make_folder(&self.folder, 0o755).map_err(failed)?;
        let temporary = path.with_extension("new");
        remove(&temporary).map_err(failed)?;
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o644)
            .open(&temporary)
            .map_err(failed)?;
        file.write_all(&text).and_then(|()| file.sync_data()).map_err(failed)?;
        fs::rename(&temporary, &path).map_err(failed)?;
        crate::durable::sync_folder(&self.folder).map_err(failed)
    }

    fn read_others(&self) -> Result<Vec<BaseLease>, LeaseError> {
        let own = self.path();
        let failed = |error: io::Error| unreadable(&self.folder, &error);
        let mut leases = Vec::new();
        let entries = match fs::read_dir(&self.folder) {
            // Nobody has shared any, and this process makes no folder.
            Err(error) if self.read_only && error.kind() == io::ErrorKind::NotFound => {
                return Ok(leases);
            }
            entries => entries.map_err(failed)?,
        };
        for entry in entries {
            let path = entry.map_err(failed)?.path();
            if path == own || path.extension().is_none_or(|extension| extension != "json") {
                continue;
            }
            let text = fs::read(&path).map_err(|error| unreadable(&path, &error))?;
            let theirs: Vec<BaseLease> =
                serde_json::from_slice(&text).map_err(|error| unreadable(&path, &error.into()))?;
            leases.extend(theirs);
        }
        Ok(leases)
    }
}
