//! A pool and a host's instances in a folder of their own, and images to put there.

use bytes::Bytes as Chunk;
use hatchery_model::base::LeaseBook;
use hatchery_model::compute::RootDisk;
use hatchery_model::id::{DiskId, ImageId};
use hatchery_model::image::{DiskFormat, ImageContent, ImageFormat};
use hatchery_model::provision::{Backing, FileAbilities, ImageFacts, Plan, PlanStep, Rung, plan};
use hatchery_model::units::Bytes;
use hatchery_ports::base_pool::{BasePool, Pass};
use hatchery_ports::disk_backend::DiskBackend;
use hatchery_ports::image_store::{ImageStore, ImageStoreError};
use hatchery_storage::{
    FileDiskBackend, FileImageStore, FileOwner, FilePool, PoolSettings, base_name,
};
use hatchery_testkit::ManualClock;
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use std::fs::Metadata;
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use uuid::Uuid;

pub const SIZE: Bytes = Bytes::from_gib(1);

/// See the head of this file.
pub struct House {
    pub pool: PathBuf,
    pub instances: PathBuf,
    pub store: FileImageStore,
    pub disks: FileDiskBackend,
    _folder: Option<TempDir>,
}

impl House {
    pub fn new(owner: FileOwner) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path().to_owned();
        Self { _folder: Some(folder), ..Self::at(&at, owner) }
    }

    /// In a folder that somebody else keeps.
    pub fn at(folder: &Path, owner: FileOwner) -> Self {
        let (pool, instances) = (folder.join("pool"), folder.join("instances"));
        Self {
            store: FileImageStore::new(&pool, owner).unwrap(),
            disks: FileDiskBackend::new(&pool, &instances, owner, false).unwrap(),
            pool,
            instances,
            _folder: None,
        }
    }

    /// The instances on a filesystem of their own. `None`, loudly, when none can be mounted.
    pub fn on_two_filesystems(owner: FileOwner, size: &str) -> Option<(Self, Mounted)> {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path().to_owned();
        let mounted = Mounted::memory(&at.join("instances"), size)?;
        let house = Self { _folder: Some(folder), ..Self::at(&at, owner) };
        Some((house, mounted))
    }

    /// What the pool's keeper does once every image is gone and nobody holds a base.
    pub async fn keep_nothing(&self) {
        let (images, cache) = (self.pool.join("images"), self.pool.join("imagecache"));
        let settings = PoolSettings {
            minimum_age: std::time::Duration::ZERO,
            state: self.pool.join("keeper.json"),
            ..PoolSettings::new(images, cache.clone(), FileOwner::process())
        };
        let pool = FilePool::open(settings, std::sync::Arc::new(ManualClock::default())).unwrap();
        for _ in 0..2 {
            let begun = pool.begin().await.unwrap();
            let leases = Some(LeaseBook::default());
            let pass = Pass { begun, images: Vec::new(), leases, dry_run: false };
            pool.keep(&pass).await.unwrap();
        }
        std::fs::remove_file(cache.join(".hatchery-pool.lock")).unwrap();
    }

    pub fn image(&self, image: ImageId) -> PathBuf {
        self.pool.join("images").join(image.to_string())
    }

    pub fn cached(&self, image: ImageId) -> PathBuf {
        self.pool.join("imagecache").join(base_name(image))
    }

    pub fn base(&self, image: ImageId) -> PathBuf {
        self.instances.join("_base").join(base_name(image))
    }

    pub fn record(&self, image: ImageId) -> PathBuf {
        self.base(image).with_extension("json")
    }

    /// Every name in the cache and among the bases, hidden ones too.
    pub fn names(&self) -> Vec<String> {
        let mut names = listed(&self.pool.join("imagecache"));
        names.extend(listed(&self.instances.join("_base")));
        names
    }

    pub async fn upload(
        &self,
        image: ImageId,
        bytes: &[u8],
    ) -> Result<ImageContent, ImageStoreError> {
        self.upload_as(image, "up", bytes).await
    }

    /// Under the name of an attempt.
    pub async fn upload_as(
        &self,
        image: ImageId,
        attempt: &str,
        bytes: &[u8],
    ) -> Result<ImageContent, ImageStoreError> {
        let cap = Bytes::from_gib(1);
        let begun = self.store.begin(image, attempt, DiskFormat::Raw, cap).await;
        let mut writer = begun?;
        for chunk in bytes.chunks(100_000) {
            writer.write(Chunk::copy_from_slice(chunk)).await?;
        }
        let content = writer.finish().await?;
        self.store.publish(image, attempt).await?;
        Ok(content)
    }

    /// What the host's files can do.
    pub async fn abilities(&self) -> FileAbilities {
        match self.disks.abilities().await.unwrap().backing {
            Backing::File(files) => files,
            Backing::Ceph(pool) => panic!("{pool:?}"),
        }
    }

    /// A disk by the planner's choice.
    pub async fn planned(&self, image: ImageId, content: &ImageContent, disk: &str) -> RootDisk {
        let facts = ImageFacts {
            format: content.base_format(),
            size: content.base_size(),
            virtual_size: content.inspection.virtual_bytes,
            location: None,
        };
        let target = self.disks.abilities().await.unwrap();
        root(image, content, disk, plan(&facts, &target, None, SIZE).unwrap())
    }
}

pub fn root(image: ImageId, content: &ImageContent, disk: &str, plan: Plan) -> RootDisk {
    RootDisk {
        disk: DiskId(disk.to_owned()),
        image,
        image_sha512: content.sha512.clone(),
        raw: content.raw.clone(),
        inspector_version: Some(content.inspection.inspector_version),
        size: SIZE,
        plan,
    }
}

/// A plan that copies, or links, or shares, whatever the planner would do.
pub fn by(rung: Rung, step: PlanStep) -> Plan {
    let overlay = PlanStep::CreateOverlay { base_format: ImageFormat::Raw, size: SIZE };
    Plan { rung, steps: vec![step, overlay], copies: Bytes(0), refused: Vec::new() }
}

pub fn image(number: u128) -> ImageId {
    ImageId(Uuid::from_u128(number))
}

/// Bytes that no format claims and that hold no zeroes.
pub fn noise(length: usize) -> Vec<u8> {
    (0..length).map(|i| (i * 31 + i / 4096) as u8 | 1).collect()
}

/// What is under a name, links not followed.
pub fn stat(path: &Path) -> Metadata {
    std::fs::symlink_metadata(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

pub fn listed(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// A filesystem that goes when this is dropped.
pub struct Mounted(PathBuf);

impl Mounted {
    /// A filesystem in memory, of a size as `mount` takes it. `None`, loudly, when this process may not mount.
    pub fn memory(at: &Path, size: &str) -> Option<Self> {
        std::fs::create_dir_all(at).unwrap();
        let options = format!("size={size},mode=755");
        match mount(Some("tmpfs"), at, Some("tmpfs"), MsFlags::empty(), Some(options.as_str())) {
            Ok(()) => Some(Self(at.to_owned())),
            Err(error) => {
                eprintln!("SKIPPED: no filesystem can be mounted here ({error})");
                None
            }
        }
    }

    /// Takes over what somebody has mounted.
    pub fn at(path: &Path) -> Self {
        Self(path.to_owned())
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        if let Err(error) = umount2(&self.0, MntFlags::MNT_DETACH) {
            eprintln!("{} stays mounted: {error}", self.0.display());
        }
    }
}
