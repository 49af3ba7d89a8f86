//! The plug: blocking work on the client's threads, which goes on when its caller lets go.

use super::background::{Background, Flattening};
use super::create::Made;
use super::remove::Removed;
use super::{adopt, bytes, create, image_volume, remove, verbs};
use crate::rbd::removal::sweep;
use crate::rbd::{CephClient, CephConnection, CephError, CephSettings, PoolRoom, RbdPool, Span};
use async_trait::async_trait;
use hatchery_model::disk::{BlockSource, RbdImage};
use hatchery_model::id::{SnapshotId, VolumeId};
use hatchery_model::provision::VolumeTargetFacts;
use hatchery_model::units::Bytes;
use hatchery_model::volume::{
    BackendReport, ImageCacheBounds, Manageable, ManageableSnapshot, NewVolume, Reach,
};
use hatchery_ports::volume_adoption::VolumeAdoption;
use hatchery_ports::volume_backend::{
    CopiedSnapshots, CreatedVolume, Held, Opened, VolumeBackend, VolumeBytes, VolumeError,
};
use std::error::Error;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Where the bytes of images are that are not cloned but copied. Both are looked into, the pool first: a cloud may have changed its image store.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct RbdImageSource {
    /// This pool of the same cluster.
    pub pool: Option<String>,
    /// A pool of files, where the image store keeps them.
    pub files: Option<PathBuf>,
}

/// A backend's settings.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RbdVolumeSettings {
    /// Its section in the configuration.
    pub backend: String,
    /// `volume_backend_name`.
    pub pool: String,
    /// The cluster and its user.
    pub ceph: CephSettings,
    /// `rbd_pool`.
    pub rbd_pool: String,
    /// `rbd_store_chunk_size` as a power of two: 22 for objects of 4 MiB.
    pub object_order: u8,
    /// `rbd_max_clone_depth`: so long a chain of copies is at most; 0: copies share nothing with their source.
    pub max_clone_depth: u32,
    /// `rbd_flatten_volume_from_snapshot`.
    pub flatten_volume_from_snapshot: bool,
    /// How much its image-volume cache may hold. `None`: it has none.
    pub image_cache: Option<ImageCacheBounds>,
    /// Whether raw images of its volumes are kept as volumes, too.
    pub image_volumes: bool,
    /// Where images are that are copied.
    pub images: RbdImageSource,
    /// `rados_connection_retries`: how often the removal of a volume is tried again that somebody has open.
    pub retries: u32,
    /// `rados_connection_interval`: how long to wait before that.
    pub retry_interval: Duration,
}

impl RbdVolumeSettings {
    /// With Cinder's defaults.
    pub fn new(backend: &str, ceph: CephSettings, images: RbdImageSource) -> Self {
        Self {
            backend: backend.to_owned(),
            pool: backend.to_owned(),
            ceph,
            rbd_pool: "rbd".to_owned(),
            object_order: 22,
            max_clone_depth: 5,
            flatten_volume_from_snapshot: false,
            image_cache: None,
            image_volumes: false,
            images,
            retries: 3,
            retry_interval: Duration::from_secs(5),
        }
    }
}

/// Volumes in Ceph; cheap to clone.
#[derive(Clone)]
pub struct RbdVolumeBackend {
    settings: Arc<RbdVolumeSettings>,
    client: CephClient,
    background: Arc<Background>,
}

/// What a piece of work is given.
pub(super) struct Work<'a> {
    pub(super) settings: &'a RbdVolumeSettings,
    pub(super) ceph: &'a CephConnection,
    pub(super) pool: RbdPool,
}

impl Work<'_> {
    /// What a hypervisor opens.
    pub(super) fn source(&self, image: String) -> BlockSource {
        source(self.settings, image)
    }
}

fn source(settings: &RbdVolumeSettings, image: String) -> BlockSource {
    BlockSource::Rbd(RbdImage {
        pool: settings.rbd_pool.clone(),
        image,
        snapshot: None,
        user: settings.ceph.user.clone(),
        ceph_conf: settings.ceph.conf.clone(),
        monitors: Vec::new(),
    })
}

impl RbdVolumeBackend {
    /// Connects to nothing yet: a cluster that is away does not keep a host from starting.
    pub fn new(settings: RbdVolumeSettings) -> Self {
        let client = CephClient::of(settings.ceph.clone());
        Self { settings: Arc::new(settings), client, background: Arc::new(Background::new()) }
    }

    async fn run<T: Send + 'static>(
        &self,
        span: Span,
        work: impl FnOnce(&Work<'_>) -> Result<T, VolumeError> + Send + 'static,
    ) -> Result<T, VolumeError> {
        run(self.settings.clone(), &self.client, span, work).await
    }

    /// Has the volume of an image stand by itself, in a while. `true`: begun by this call.
    fn flatten(&self, volume: VolumeId) -> (Flattening, bool) {
        let (settings, client) = (self.settings.clone(), self.client.clone());
        self.background.begin(volume, move |stop| async move {
            let end = move |work: &Work<'_>| image_volume::end_chain(work, volume, &stop);
            run(settings, &client, Span::Long, end).await
        })
    }

    fn facts(&self, found: &Result<(String, PoolRoom), CephError>) -> VolumeTargetFacts {
        let clones = match (found, self.settings.max_clone_depth) {
            (Err(_), _) => Err("the cluster does not answer".to_owned()),
            (Ok(_), 0) => Err("rbd_max_clone_depth is 0: copies share nothing".to_owned()),
            (Ok(_), _) => Ok(()),
        };
        let free = match found {
            // Not counted yet: whatever there is will do.
            Ok((_, room)) if room.total.0 == 0 => Bytes(u64::MAX),
            Ok((_, room)) => room.free,
            Err(_) => Bytes(0),
        };
        VolumeTargetFacts {
            file: None,
            cluster: found.as_ref().ok().map(|(fsid, _)| fsid.clone()),
            clones,
            free,
            // Images are converted on the way, without a file in between.
            conversion_free: free,
        }
    }
}

async fn run<T: Send + 'static>(
    settings: Arc<RbdVolumeSettings>,
    client: &CephClient,
    span: Span,
    work: impl FnOnce(&Work<'_>) -> Result<T, VolumeError> + Send + 'static,
) -> Result<T, VolumeError> {
    client
        .run(span, move |ceph| {
            let pool = ceph.pool(&settings.rbd_pool)?;
            work(&Work { settings: &settings, ceph, pool })
        })
        .await
}

/// Why a backend is down: an error with its causes.
pub(crate) fn with_causes(error: &CephError) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(&format!(": {cause}"));
        next = cause.source();
    }
    text
}

fn not_flat(volume: VolumeId, error: &VolumeError) -> VolumeError {
    let mut text = error.to_string();
    if let Some(cause) = error.source() {
        text.push_str(&format!(": {cause}"));
    }
    VolumeError::Conflict(format!(
        "the image's volume {volume} is at the end of a chain of clones (rbd_max_clone_depth) and could not be flattened: {text}"
    ))
}

/// A snapshot of an image in Ceph needs nobody's help.
impl CopiedSnapshots for RbdVolumeBackend {}

#[async_trait]
impl VolumeAdoption for RbdVolumeBackend {
    async fn manage(
        &self,
        volume: VolumeId,
        name: &str,
    ) -> Result<(BlockSource, Bytes), VolumeError> {
        let name = name.to_owned();
        self.run(Span::Short, move |work| adopt::manage(work, volume, &name)).await
    }

    async fn unmanage(&self, volume: VolumeId) -> Result<(), VolumeError> {
        self.background.stop(volume).await;
        self.run(Span::Short, move |work| adopt::unmanage(work, volume)).await
    }

    async fn manageable(&self) -> Result<Vec<Manageable>, VolumeError> {
        self.run(Span::Long, adopt::manageable).await
    }

    async fn manage_snapshot(
        &self,
        volume: VolumeId,
        snapshot: SnapshotId,
        name: &str,
    ) -> Result<Bytes, VolumeError> {
        let name = name.to_owned();
        let manage = move |work: &Work<'_>| adopt::manage_snapshot(work, (volume, snapshot), &name);
        self.run(Span::Short, manage).await
    }

    async fn unmanage_snapshot(
        &self,
        volume: VolumeId,
        snapshot: SnapshotId,
    ) -> Result<(), VolumeError> {
        self.run(Span::Short, move |work| adopt::unmanage_snapshot(work, volume, snapshot)).await
    }

    async fn manageable_snapshots(&self) -> Result<Vec<ManageableSnapshot>, VolumeError> {
        self.run(Span::Long, adopt::manageable_snapshots).await
    }
}

#[async_trait]
impl VolumeBackend for RbdVolumeBackend {
    async fn report(&self) -> BackendReport {
        let pool = self.settings.rbd_pool.clone();
        let found = self
            .client
            .run(Span::Short, move |ceph| Ok((ceph.fsid().to_owned(), ceph.room(&pool)?)))
            .await;
        let room = found.as_ref().map_or((Bytes(0), Bytes(0)), |(_, room)| (room.total, room.free));
        BackendReport {
            backend: self.settings.backend.clone(),
            pool: self.settings.pool.clone(),
            protocol: "ceph".to_owned(),
            reach: Reach::EveryHost,
            total: room.0,
            free: room.1,
            target: self.facts(&found),
            image_cache: self.settings.image_cache,
            image_volumes: self.settings.image_volumes,
            down: found.err().map(|error| with_causes(&error)),
        }
    }

    async fn create(&self, new: &NewVolume) -> Result<CreatedVolume, VolumeError> {
        let span = create::span(&self.settings, &new.content);
        let mut left = self.settings.retries;
        let mut waited_for = None;
        loop {
            let (new, copied) = (new.clone(), waited_for.unwrap_or(0));
            match self.run(span, move |work| create::create(work, &new, copied)).await? {
                Made::There(made, to_flatten) => {
                    if let Some(volume) = to_flatten {
                        self.flatten(volume);
                    }
                    return Ok(made);
                }
                Made::InUse(error) if left == 0 => return Err(error),
                Made::Behind(_, error) if waited_for.is_some() => return Err(error),
                Made::InUse(_) => {
                    left -= 1;
                    tokio::time::sleep(self.settings.retry_interval).await;
                }
                // The bytes are counted once, for the one that had them copied.
                Made::Behind(of, _) => {
                    let (flattening, is_own) = self.flatten(of);
                    let copied =
                        flattening.outcome().await.map_err(|error| not_flat(of, &error))?;
                    waited_for = Some(if is_own { copied } else { 0 });
                }
            }
        }
    }

    async fn find(&self, volume: VolumeId) -> Result<Option<BlockSource>, VolumeError> {
        self.run(Span::Short, move |work| verbs::find(work, volume)).await
    }

    async fn remove(&self, volume: VolumeId) -> Result<(), VolumeError> {
        self.background.stop(volume).await;
        let mut left = self.settings.retries;
        loop {
            match self.run(Span::Long, move |work| remove::remove(work, volume)).await? {
                Removed::Gone => return Ok(()),
                Removed::InUse(error) if left == 0 => return Err(error),
                Removed::InUse(_) => {}
            }
            left -= 1;
            // The watch of a client that has died ends by itself.
            tokio::time::sleep(self.settings.retry_interval).await;
        }
    }

    async fn extend(&self, volume: VolumeId, size: Bytes) -> Result<(), VolumeError> {
        self.background.stop(volume).await;
        self.run(Span::Short, move |work| verbs::extend(work, volume, size)).await
    }

    async fn snapshot(
        &self,
        volume: VolumeId,
        snapshot: SnapshotId,
    ) -> Result<Option<BlockSource>, VolumeError> {
        self.run(Span::Short, move |work| verbs::snapshot(work, volume, snapshot)).await?;
        Ok(None)
    }

    async fn remove_snapshot(
        &self,
        volume: VolumeId,
        snapshot: SnapshotId,
    ) -> Result<(), VolumeError> {
        self.run(Span::Long, move |work| remove::remove_snapshot(work, volume, snapshot)).await
    }

    async fn revert(
        &self,
        volume: VolumeId,
        snapshot: SnapshotId,
    ) -> Result<Option<BlockSource>, VolumeError> {
        self.background.stop(volume).await;
        self.run(Span::Long, move |work| verbs::revert(work, volume, snapshot)).await?;
        Ok(None)
    }

    async fn open(&self, what: Opened) -> Result<Box<dyn VolumeBytes>, VolumeError> {
        if let Opened::ForWriting(volume) | Opened::Anew(volume) = what {
            self.background.stop(volume).await;
        }
        let client = self.client.clone();
        self.run(Span::Short, move |work| bytes::open(work, client, what)).await
    }

    async fn list(&self) -> Result<Vec<Held>, VolumeError> {
        self.run(Span::Long, verbs::list).await
    }

    async fn sweep(&self) -> Result<(), VolumeError> {
        self.run(Span::Long, |work| Ok(sweep(&work.pool)?)).await
    }
}
