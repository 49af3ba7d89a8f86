//! The plug: blocking work on threads that may block, which goes on when its caller lets go.

use super::error::failed;
use super::shelf::Shelf;
use super::{adopt, bytes, create, verbs};
use crate::owner::FileOwner;
use crate::pool::{Pool, free_bytes, try_hard_link, try_reflink};
use async_trait::async_trait;
use hatchery_model::disk::BlockSource;
use hatchery_model::id::{SnapshotId, VolumeId};
use hatchery_model::image::ImageFormat;
use hatchery_model::provision::{FileAbilities, VolumeTargetFacts};
use hatchery_model::units::Bytes;
use hatchery_model::volume::{BackendReport, ImageCacheBounds, Manageable, NewVolume, Reach};
use hatchery_ports::volume_adoption::VolumeAdoption;
use hatchery_ports::volume_backend::{
    CopiedSnapshots, CreatedVolume, Held, Opened, VolumeBackend, VolumeBytes, VolumeError,
};
use nix::sys::statvfs::statvfs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use tokio::task::spawn_blocking;

/// Whether a hard link, and whether a reflink, from the images to the volumes can be made; else why not.
type Tried = (Result<(), String>, Result<(), String>);

/// A backend's settings.
#[derive(Clone, Debug)]
pub struct FileVolumeSettings {
    /// Its section in the configuration.
    pub backend: String,
    /// `volume_backend_name`.
    pub pool: String,
    /// Where the image store keeps its files.
    pub images: PathBuf,
    /// Where the volumes are.
    pub folder: PathBuf,
    /// Whose the files are: the hypervisor's user.
    pub owner: FileOwner,
    /// Format of volumes that lie on nothing.
    pub format: ImageFormat,
}

/// Volumes as files; cheap to clone.
#[derive(Clone, Debug)]
pub struct FileVolumeBackend {
    backend: String,
    pool: String,
    shelf: Shelf,
    image_cache: Option<ImageCacheBounds>,
    image_volumes: bool,
    /// What the trials found; filesystems do not change under a running process.
    tried: Arc<OnceLock<Tried>>,
}

impl FileVolumeBackend {
    /// Makes the folder if it is missing, and removes what an earlier process has left half made.
    pub fn new(settings: FileVolumeSettings) -> Result<Self, VolumeError> {
        let doing = "use the backend's folder";
        let FileVolumeSettings { backend, pool, images, folder, owner, format } = settings;
        let images = Pool::open(&images).map_err(failed(doing))?;
        let shelf = Shelf::open(images, &folder, owner, format).map_err(failed(doing))?;
        let _lock = shelf.lock()?;
        shelf.sweep().map_err(failed(doing))?;
        Ok(Self {
            backend,
            pool,
            shelf,
            image_cache: None,
            image_volumes: false,
            tried: Arc::default(),
        })
    }

    /// With an image-volume cache, or without one.
    #[must_use]
    pub fn with_image_cache(self, image_cache: Option<ImageCacheBounds>) -> Self {
        Self { image_cache, ..self }
    }

    /// Whether raw images of its volumes are kept as volumes, too.
    #[must_use]
    pub fn with_image_volumes(self, image_volumes: bool) -> Self {
        Self { image_volumes, ..self }
    }

    async fn run<T: Send + 'static>(
        &self,
        doing: &'static str,
        work: impl FnOnce(&Shelf) -> Result<T, VolumeError> + Send + 'static,
    ) -> Result<T, VolumeError> {
        let shelf = self.shelf.clone();
        let done = spawn_blocking(move || work(&shelf)).await;
        done.unwrap_or_else(|error| Err(failed(doing)(io::Error::other(error))))
    }
}

/// Size of a folder's filesystem.
fn total_bytes(folder: &Path) -> io::Result<Bytes> {
    let found = statvfs(folder)?;
    Ok(Bytes(found.blocks().saturating_mul(found.fragment_size())))
}

#[async_trait]
impl VolumeAdoption for FileVolumeBackend {
    async fn manage(
        &self,
        volume: VolumeId,
        name: &str,
    ) -> Result<(BlockSource, Bytes), VolumeError> {
        let name = name.to_owned();
        self.run("take a file for a volume", move |shelf| adopt::manage(shelf, volume, &name)).await
    }

    async fn unmanage(&self, volume: VolumeId) -> Result<(), VolumeError> {
        self.run("forget the volume", move |shelf| adopt::unmanage(shelf, volume)).await
    }

    async fn manageable(&self) -> Result<Vec<Manageable>, VolumeError> {
        self.run("list the folder", adopt::manageable).await
    }
}

#[async_trait]
impl CopiedSnapshots for FileVolumeBackend {
    async fn begin_copy(
        &self,
        volume: VolumeId,
        snapshot: SnapshotId,
    ) -> Result<Option<BlockSource>, VolumeError> {
        self.run("ready a copy", move |shelf| verbs::begin_copy(shelf, volume, snapshot)).await
    }

    async fn keep_copy(&self, volume: VolumeId, snapshot: SnapshotId) -> Result<(), VolumeError> {
        self.run("keep a copy", move |shelf| verbs::keep_copy(shelf, volume, snapshot)).await
    }
}

#[async_trait]
impl VolumeBackend for FileVolumeBackend {
    async fn report(&self) -> BackendReport {
        let (shelf, tried) = (self.shelf.clone(), self.tried.clone());
        let looked = spawn_blocking(move || {
            let (hard_link, reflink) = tried.get_or_init(|| {
                (try_hard_link(&shelf.pool, &shelf.folder), try_reflink(&shelf.pool, &shelf.folder))
            });
            let room = total_bytes(&shelf.folder)
                .and_then(|total| Ok((total, free_bytes(&shelf.folder)?)));
            (hard_link.clone(), reflink.clone(), room)
        });
        let unknown = || Err("it was not tried".to_owned());
        let (hard_link, reflink, room) = looked
            .await
            .unwrap_or_else(|error| (unknown(), unknown(), Err(io::Error::other(error))));
        let (total, free, down) = match room {
            Ok((total, free)) => (total, free, None),
            Err(error) => (
                Bytes(0),
                Bytes(0),
                Some(format!(
                    "the backend's folder {} does not answer ({error}): see whether it is mounted",
                    self.shelf.folder.display()
                )),
            ),
        };
        BackendReport {
            backend: self.backend.clone(),
            pool: self.pool.clone(),
            protocol: "file".to_owned(),
            reach: Reach::ServingHosts,
            total,
            free,
            target: VolumeTargetFacts {
                file: Some(FileAbilities { hard_link, reflink, free }),
                cluster: None,
                clones: Ok(()),
                free,
                conversion_free: free,
            },
            image_cache: self.image_cache,
            image_volumes: self.image_volumes,
            down,
        }
    }

    async fn create(&self, new: &NewVolume) -> Result<CreatedVolume, VolumeError> {
        let new = new.clone();
        self.run("make the volume", move |shelf| create::create(shelf, &new)).await
    }

    async fn find(&self, volume: VolumeId) -> Result<Option<BlockSource>, VolumeError> {
        self.run("find the volume", move |shelf| verbs::find(shelf, volume)).await
    }

    async fn remove(&self, volume: VolumeId) -> Result<(), VolumeError> {
        self.run("remove the volume", move |shelf| verbs::remove(shelf, volume)).await
    }

    async fn extend(&self, volume: VolumeId, size: Bytes) -> Result<(), VolumeError> {
        self.run("extend the volume", move |shelf| verbs::extend(shelf, volume, size)).await
    }

    async fn snapshot(
        &self,
        volume: VolumeId,
        snapshot: SnapshotId,
    ) -> Result<Option<BlockSource>, VolumeError> {
        self.run("make the snapshot", move |shelf| verbs::snapshot(shelf, volume, snapshot)).await
    }

    async fn remove_snapshot(
        &self,
        volume: VolumeId,
        snapshot: SnapshotId,
    ) -> Result<(), VolumeError> {
        self.run("remove the snapshot", move |shelf| {
            verbs::remove_snapshot(shelf, volume, snapshot)
        })
        .await
    }

    async fn revert(
        &self,
        volume: VolumeId,
        snapshot: SnapshotId,
    ) -> Result<Option<BlockSource>, VolumeError> {
        self.run("revert the volume", move |shelf| verbs::revert(shelf, volume, snapshot)).await
    }

    async fn open(&self, what: Opened) -> Result<Box<dyn VolumeBytes>, VolumeError> {
        self.run("open the volume", move |shelf| bytes::open(shelf, what)).await
    }

    async fn list(&self) -> Result<Vec<Held>, VolumeError> {
        self.run("list the volumes", verbs::list).await
    }
}
