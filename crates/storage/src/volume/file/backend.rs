//! The plug: blocking work on threads that may block, which goes on when its caller lets go.

use super::error::failed;
use super::ground::{Found, Ground, Standing, died};
use super::share::{Share, ShareVolumeSettings};
use super::shelf::Shelf;
use super::{adopt, bytes, create, verbs};
use crate::owner::FileOwner;
use crate::pool::{Pool, Steps};
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
use std::path::PathBuf;
use std::sync::Arc;
use tokio::task::spawn_blocking;

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
    ground: Ground,
    image_cache: Option<ImageCacheBounds>,
    image_volumes: bool,
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
        let ground = Ground::Folder(Standing { shelf, tried: Arc::default() });
        Ok(Self { backend, pool, ground, image_cache: None, image_volumes: false })
    }

    /// On a share that several hosts may use. It need not be mounted: as long as it is not, the backend is down.
    pub fn on_share(settings: ShareVolumeSettings) -> Result<Self, VolumeError> {
        Self::on_share_in_steps(settings, Steps::default())
    }

    /// The same, and each step of it is asked for before.
    pub fn on_share_in_steps(
        settings: ShareVolumeSettings,
        steps: Steps,
    ) -> Result<Self, VolumeError> {
        let (backend, pool) = (settings.backend.clone(), settings.pool.clone());
        let share = Share::new(settings, steps).map_err(failed("use the images' folder"))?;
        Ok(Self {
            backend,
            pool,
            ground: Ground::Share(Arc::new(share)),
            image_cache: None,
            image_volumes: false,
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
        work: impl Fn(&Shelf) -> Result<T, VolumeError> + Send + 'static,
    ) -> Result<T, VolumeError> {
        let ground = self.ground.clone();
        let done = spawn_blocking(move || ground.work(doing, work)).await;
        done.unwrap_or_else(|error| Err(died(doing)(error)))
    }
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
        let ground = self.ground.clone();
        let looked = spawn_blocking(move || ground.look()).await;
        let Found { hard_link, reflink, total, free, down } = looked
            .unwrap_or_else(|error| Found::down(died("look at its folder")(error).to_string()));
        BackendReport {
            backend: self.backend.clone(),
            pool: self.pool.clone(),
            protocol: self.ground.protocol().to_owned(),
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
        let ground = self.ground.clone();
        self.run("open the volume", move |shelf| bytes::open(shelf, what, &ground)).await
    }

    async fn list(&self) -> Result<Vec<Held>, VolumeError> {
        self.run("list the volumes", verbs::list).await
    }
}
