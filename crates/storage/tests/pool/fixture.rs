//! A pool in a folder of its own: a store, a cache, one host's instances.

use hatchery_model::base::{BaseLease, BaseName, Deed, Did, LeaseBook, LeaseHolder};
use hatchery_model::id::{ImageId, ServerId};
use hatchery_model::image::{
    CatalogImage, CatalogState, ContentDigest, DigestAlgorithm, DiskFormat, ImageFormat,
};
use hatchery_model::timestamp::Timestamp;
use hatchery_model::units::Bytes;
use hatchery_ports::base_pool::{BasePool, Pass, PoolError};
use hatchery_ports::clock::Clock;
use hatchery_storage::{FileOwner, FilePool, PoolSettings, Steps};
use sha2::{Digest, Sha512};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::time::Duration;

/// A clock that a test sets, also by days.
#[derive(Default)]
pub struct SetClock(pub AtomicI64);

impl Clock for SetClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst))
    }
}

pub struct Lab {
    pub folder: tempfile::TempDir,
    pub images: Vec<CatalogImage>,
    pub leases: Option<LeaseBook>,
    pub settings: PoolSettings,
    pub clock: Arc<SetClock>,
    pub steps: Steps,
    /// Added to the host's uptime, in seconds.
    pub later: u64,
}

/// Kills this process in front of change number `at`.
pub fn killed_at(at: usize) -> Steps {
    let count = AtomicUsize::new(0);
    Steps::hooked(move |_| {
        if count.fetch_add(1, Ordering::SeqCst) == at {
            nix::sys::signal::kill(nix::unistd::getpid(), nix::sys::signal::SIGKILL)?;
        }
        Ok(())
    })
}

const FOLDER: &str = "HATCHERY_TEST_POOL";
const AT: &str = "HATCHERY_TEST_KILL_AT";

/// Runs the test of that name, which asks [`given`], in a process of its own.
pub fn run_killed(test: &str, folder: &Path, at: usize) -> ExitStatus {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test])
        .env(FOLDER, folder)
        .env(AT, at.to_string())
        .output()
        .unwrap()
        .status
}

/// The folder and the change that [`run_killed`] has given this process. `None`: it is an ordinary one.
pub fn given() -> Option<(PathBuf, usize)> {
    let folder = std::env::var_os(FOLDER)?;
    Some((folder.into(), std::env::var(AT).unwrap().parse().unwrap()))
}

impl Lab {
    /// Its folders are those of another lab.
    pub fn move_to(&mut self, folder: &Path) {
        self.settings.images = folder.join("images");
        self.settings.cache = folder.join("imagecache");
        self.settings.bases = vec![folder.join("instances/_base")];
        self.settings.state = folder.join("imagecache/.hatchery-pool.json");
    }

    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for name in ["images", "instances", "instances/_base"] {
            fs::create_dir(at(name)).unwrap();
        }
        let mut settings = PoolSettings::new(at("images"), at("imagecache"), FileOwner::process());
        settings.bases = vec![at("instances/_base")];
        settings.minimum_age = Duration::ZERO;
        Self {
            folder,
            images: Vec::new(),
            leases: Some(LeaseBook::default()),
            settings,
            clock: Arc::default(),
            steps: Steps::default(),
            later: 0,
        }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn pool(&self) -> FilePool {
        FilePool::with_steps(
            self.settings.clone(),
            self.clock.clone(),
            self.steps.clone(),
            self.later,
        )
        .unwrap()
    }

    /// Puts an image into store and catalogue.
    pub fn add(&mut self, number: u8, bytes: &[u8]) -> ImageId {
        let format =
            if bytes.starts_with(b"QFI\xfb") { DiskFormat::Qcow2 } else { DiskFormat::Raw };
        let id = image(number);
        fs::write(self.store(id), bytes).unwrap();
        self.images.push(CatalogImage {
            id,
            state: CatalogState::Active,
            format: Some(format),
            size: Some(Bytes(bytes.len() as u64)),
            digest: Some(digest(bytes)),
            raw: None,
        });
        id
    }

    pub fn set(&mut self, id: ImageId, state: CatalogState) {
        self.images.iter_mut().find(|image| image.id == id).unwrap().state = state;
    }

    /// Deletes an image as Glance does: no row, no file.
    pub fn delete(&mut self, id: ImageId) {
        self.images.retain(|image| image.id != id);
        fs::remove_file(self.store(id)).unwrap();
    }

    /// A disk on the image's base.
    pub fn hold(&mut self, id: ImageId, format: ImageFormat, server: u128) -> ServerId {
        let server = ServerId(uuid::Uuid::from_u128(server));
        let holder = LeaseHolder::Disk {
            host: "h1".into(),
            disk: format!("{server}/disk"),
            server: Some(server),
        };
        let lease = BaseLease { base: BaseName::of(id), holder, format: Some(format) };
        self.leases.get_or_insert_default().extend([lease]);
        server
    }

    pub fn let_go(&mut self) {
        self.leases = Some(LeaseBook::default());
    }

    pub fn pass(&self) -> Pass {
        let begun = block(self.pool().begin()).unwrap();
        let (images, leases) = (self.images.clone(), self.leases.clone());
        Pass { begun, images, leases, dry_run: false }
    }

    pub fn try_keep(&self) -> Result<Vec<Deed>, PoolError> {
        let mut report = block(self.pool().keep(&self.pass()))?;
        if report.pending {
            report.deeds.extend(block(self.pool().keep(&self.pass()))?.deeds);
        }
        Ok(report.deeds)
    }

    /// One pass of a new process.
    pub fn keep(&self) -> Vec<Deed> {
        self.try_keep().unwrap()
    }

    pub fn store(&self, id: ImageId) -> PathBuf {
        self.path("images").join(id.to_string())
    }

    pub fn cached(&self, id: ImageId) -> PathBuf {
        self.path("imagecache").join(BaseName::of(id).as_str())
    }

    pub fn base(&self, id: ImageId) -> PathBuf {
        self.path("instances/_base").join(BaseName::of(id).as_str())
    }

    /// Whether store, cache and base are one file.
    pub fn is_linked(&self, id: ImageId) -> bool {
        let ino = inode(&self.store(id));
        ino.is_some() && ino == inode(&self.cached(id)) && ino == inode(&self.base(id))
    }
}

pub fn image(number: u8) -> ImageId {
    ImageId(uuid::Uuid::from_u128(0x1111_2222_3333_4444_5555_6666_7777_0000 + u128::from(number)))
}

pub fn digest(bytes: &[u8]) -> ContentDigest {
    let hex = Sha512::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    ContentDigest { algorithm: DigestAlgorithm::Sha512, hex }
}

/// A raw disk of one content, without a partition table.
pub fn raw(content: u8) -> Vec<u8> {
    vec![content; 64 << 10]
}

/// A qcow2 image made by QEMU's own tool.
pub fn qcow2(content: u8) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let (from, to) = (folder.path().join("raw"), folder.path().join("qcow2"));
    fs::write(&from, raw(content)).unwrap();
    let status = std::process::Command::new("qemu-img")
        .args(["convert", "-f", "raw", "-O", "qcow2"])
        .args([&from, &to])
        .status()
        .unwrap();
    assert!(status.success());
    fs::read(to).unwrap()
}

pub fn inode(path: &Path) -> Option<u64> {
    fs::symlink_metadata(path).ok().map(|found| found.ino())
}

pub fn block<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

/// The deeds of one kind.
pub fn did(deeds: &[Deed], did: Did) -> Vec<&Deed> {
    deeds.iter().filter(|deed| deed.did == did).collect()
}

/// Every file below a folder, with what it holds.
pub fn census(folder: &Path) -> Vec<(PathBuf, u64, Vec<u8>)> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => folders.push(path),
                false => {
                    found.push((path.clone(), inode(&path).unwrap(), fs::read(&path).unwrap()))
                }
            }
        }
    }
    found.sort();
    found
}
