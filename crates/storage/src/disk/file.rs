//! Disks of guests as files of a host: `INSTANCES/<disk id>/disk`, a qcow2 overlay on `INSTANCES/_base/<sha1>`.
//!
//! Blocking work runs on blocking threads and goes on when its caller lets go. Work on one image's base is done
//! by one at a time, so that many first servers of an image copy it once.

use super::base::Bases;
use super::error::disk_error;
use super::root_disk;
use crate::owner::FileOwner;
use crate::pool::{Instances, Pool, free_bytes, try_hard_link, try_reflink};
use async_trait::async_trait;
use hatchery_model::compute::RootDisk;
use hatchery_model::disk::BlockSource;
use hatchery_model::id::{DiskId, ImageId};
use hatchery_model::provision::{Backing, FileAbilities, TargetFacts};
use hatchery_ports::disk_backend::{CreatedDisk, DiskBackend, DiskError};
use hatchery_ports::volume_backend::VolumeBytes;
use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use std::time::Duration;
use tokio::sync::OwnedMutexGuard;
use tokio::task::spawn_blocking;

/// Whether a hard link, and whether a reflink, from the images to the bases can be made; else why not.
type Tried = (Result<(), String>, Result<(), String>);
type ImageLock = tokio::sync::Mutex<()>;

/// How often, and how long apart, the bases' lock is tried.
const LOCK_TRIES: u32 = 50;
const LOCK_PAUSE: Duration = Duration::from_millis(10);

/// See the head of this file.
#[derive(Clone, Debug)]
pub struct FileDiskBackend {
    bases: Bases,
    force_raw: bool,
    locks: Arc<Mutex<HashMap<ImageId, Weak<ImageLock>>>>,
    /// What the trials found; filesystems do not change under a running process.
    tried: Arc<OnceLock<Tried>>,
    /// Held as long as this lives, by the first process that uses these bases.
    _sole_use: Arc<Option<File>>,
}

impl FileDiskBackend {
    /// Over a pool and a host's folder of instances, both made if they are missing. Disks belong to `owner`, the
    /// hypervisor's user. `force_raw` is passed on to the planner (`force_raw_images`).
    pub fn new(
        pool: &Path,
        instances: &Path,
        owner: FileOwner,
        force_raw: bool,
    ) -> Result<Self, DiskError> {
        let opened = Pool::open(pool).and_then(|pool| {
            let bases = Bases { pool, instances: Instances::open(instances)?, owner };
            let sole_use = take_sole_use(&bases.instances)?;
            if sole_use.is_some() {
                bases.sweep()?;
            }
            Ok((bases, sole_use))
        });
        let (bases, sole_use) = opened.map_err(|error| {
            let (pool, instances) = (pool.display(), instances.display());
            disk_error(&format!("use the folders {pool} and {instances}"), error)
        })?;
        Ok(Self {
            bases,
            force_raw,
            locks: Arc::default(),
            tried: Arc::default(),
            _sole_use: Arc::new(sole_use),
        })
    }

    /// Waits for everyone else who works on the image's base.
    async fn lock(&self, image: ImageId) -> OwnedMutexGuard<()> {
        let lock = {
            let mut locks = self.locks.lock().unwrap_or_else(PoisonError::into_inner);
            locks.retain(|_, lock| lock.strong_count() > 0);
            match locks.get(&image).and_then(Weak::upgrade) {
                Some(lock) => lock,
                None => {
                    let lock = Arc::new(ImageLock::default());
                    locks.insert(image, Arc::downgrade(&lock));
                    lock
                }
            }
        };
        lock.lock_owned().await
    }
}

/// Locks the folder of the bases. `None` when another process has it: then nobody sweeps what that one may be making. A child
/// that a killed process was just starting holds the lock for a moment longer, which is waited for.
#[allow(clippy::disallowed_methods)] // A lock that ends with someone else's process can only be tried again.
fn take_sole_use(instances: &Instances) -> io::Result<Option<File>> {
    let folder = File::open(instances.bases())?;
    for _ in 0..LOCK_TRIES {
        if folder.try_lock().is_ok() {
            return Ok(Some(folder));
        }
        std::thread::sleep(LOCK_PAUSE);
    }
    Ok(None)
}

/// Runs on a thread that may block.
async fn blocking<T: Send + 'static>(
    doing: &'static str,
    work: impl FnOnce() -> Result<T, DiskError> + Send + 'static,
) -> Result<T, DiskError> {
    match spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => Err(disk_error(doing, io::Error::other(error))),
    }
}

#[async_trait]
impl DiskBackend for FileDiskBackend {
    async fn abilities(&self) -> Result<TargetFacts, DiskError> {
        let (bases, force_raw, tried) = (self.bases.clone(), self.force_raw, self.tried.clone());
        blocking("try the filesystems out", move || {
            let free = free_bytes(&bases.instances.bases())
                .map_err(|error| disk_error("ask how much room there is", error))?;
            let (hard_link, reflink) = tried.get_or_init(|| {
                let (pool, folder) = (&bases.pool, bases.instances.bases());
                (try_hard_link(pool, &folder), try_reflink(pool, &folder))
            });
            let file =
                FileAbilities { hard_link: hard_link.clone(), reflink: reflink.clone(), free };
            Ok(TargetFacts { backing: Backing::File(file), force_raw })
        })
        .await
    }

    async fn create(&self, root: &RootDisk) -> Result<CreatedDisk, DiskError> {
        let guard = self.lock(root.image).await;
        let (bases, root) = (self.bases.clone(), root.clone());
        blocking("make the disk", move || root_disk::create(&bases, &root, guard)).await
    }

    async fn find(&self, disk: &DiskId) -> Result<Option<BlockSource>, DiskError> {
        let (bases, disk) = (self.bases.clone(), disk.clone());
        blocking("find the disk", move || root_disk::find(&bases, &disk)).await
    }

    async fn remove(&self, disk: &DiskId) -> Result<(), DiskError> {
        let (bases, disk) = (self.bases.clone(), disk.clone());
        blocking("remove the disk", move || root_disk::delete(&bases, &disk)).await
    }

    async fn seed_base(&self, image: ImageId) -> Result<(), DiskError> {
        let guard = self.lock(image).await;
        let bases = self.bases.clone();
        blocking("make the base", move || {
            let _guard = guard;
            bases.seed(image)
        })
        .await
    }

    async fn release_base(&self, image: ImageId, in_use: &[ImageId]) -> Result<bool, DiskError> {
        if in_use.contains(&image) {
            return Ok(false);
        }
        let guard = self.lock(image).await;
        let bases = self.bases.clone();
        blocking("release the base", move || {
            let _guard = guard;
            bases.release(image).map_err(|error| disk_error("release the base", error))
        })
        .await
    }

    async fn begin_copy(
        &self,
        disk: &DiskId,
        runs: bool,
    ) -> Result<Option<BlockSource>, DiskError> {
        let (bases, disk) = (self.bases.clone(), disk.clone());
        blocking("ready a copy", move || root_disk::begin_copy(&bases, &disk, runs)).await
    }

    async fn open_copy(&self, disk: &DiskId) -> Result<Box<dyn VolumeBytes>, DiskError> {
        let (bases, disk) = (self.bases.clone(), disk.clone());
        blocking("open the disk", move || root_disk::open_copy(&bases, &disk)).await
    }

    async fn drop_copy(&self, disk: &DiskId) -> Result<(), DiskError> {
        let (bases, disk) = (self.bases.clone(), disk.clone());
        blocking("remove the copy", move || root_disk::drop_copy(&bases, &disk)).await
    }

    async fn list_bases(&self) -> Result<Vec<ImageId>, DiskError> {
        let bases = self.bases.clone();
        blocking("list the bases", move || {
            bases.list().map_err(|error| disk_error("list the bases", error))
        })
        .await
    }
}
