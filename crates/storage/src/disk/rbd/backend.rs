//! The plug: blocking work on the client's threads, which goes on when its caller lets go.

use super::error::Failed;
use super::room::Room;
use super::{copied, create, names, remove};
use crate::rbd::{CephClient, CephConnection, CephSettings, RbdPool, Span};
use crate::volume::RbdImageSource;
use async_trait::async_trait;
use hatchery_model::compute::RootDisk;
use hatchery_model::disk::{BlockSource, RbdImage};
use hatchery_model::id::{DiskId, ImageId};
use hatchery_model::provision::{Backing, PlanStep, TargetFacts};
use hatchery_ports::disk_backend::{CreatedDisk, DiskBackend, DiskError};
use hatchery_ports::volume_backend::VolumeBytes;
use std::sync::Arc;
use std::time::Duration;

/// A disk that was just made is closed a moment later, and cannot be removed before.
const CLOSING: Duration = Duration::from_millis(50);
const CLOSING_TRIES: u32 = 4;

/// Settings of disks in Ceph.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RbdDiskSettings {
    /// The cluster and its user.
    pub ceph: CephSettings,
    /// `images_rbd_pool`.
    pub pool: String,
    /// Where the bytes of images are that are copied.
    pub images: RbdImageSource,
}

/// Disks in Ceph; cheap to clone.
#[derive(Clone)]
pub struct RbdDiskBackend {
    settings: Arc<RbdDiskSettings>,
    client: CephClient,
    room: Arc<Room>,
}

/// What a piece of work is given.
pub(super) struct Work<'a> {
    pub(super) settings: &'a RbdDiskSettings,
    pub(super) ceph: &'a CephConnection,
    pub(super) pool: RbdPool,
}

impl Work<'_> {
    /// What a hypervisor opens.
    pub(super) fn source(&self, image: String) -> BlockSource {
        BlockSource::Rbd(RbdImage {
            pool: self.settings.pool.clone(),
            image,
            snapshot: None,
            user: self.settings.ceph.user.clone(),
            ceph_conf: self.settings.ceph.conf.clone(),
            monitors: Vec::new(),
        })
    }
}

impl RbdDiskBackend {
    /// Connects to nothing yet: a cluster that is away does not keep a host from starting.
    pub fn new(settings: RbdDiskSettings) -> Self {
        let client = CephClient::of(settings.ceph.clone());
        Self { settings: Arc::new(settings), client, room: Arc::default() }
    }

    async fn run<T: Send + 'static>(
        &self,
        span: Span,
        work: impl FnOnce(&Work<'_>) -> Result<T, Failed> + Send + 'static,
    ) -> Result<T, DiskError> {
        let settings = self.settings.clone();
        let done = self.client.run(span, move |ceph| {
            let pool = ceph.pool(&settings.pool)?;
            work(&Work { settings: &settings, ceph, pool })
        });
        done.await.map_err(|Failed(error)| error)
    }
}

#[async_trait]
impl DiskBackend for RbdDiskBackend {
    async fn abilities(&self) -> Result<TargetFacts, DiskError> {
        let found = self.room.abilities(&self.client, &self.settings.pool).await;
        Ok(TargetFacts { backing: Backing::Ceph(found), force_raw: false })
    }

    async fn create(&self, root: &RootDisk) -> Result<CreatedDisk, DiskError> {
        let name = names::disk(&root.disk)?;
        let is_clone = root.plan.steps.iter().all(|step| matches!(step, PlanStep::CloneImage(_)));
        let span = if is_clone { Span::Short } else { Span::Long };
        let root = root.clone();
        self.run(span, move |work| create::create(work, name, &root)).await
    }

    async fn find(&self, disk: &DiskId) -> Result<Option<BlockSource>, DiskError> {
        let name = names::disk(disk)?;
        self.run(Span::Short, move |work| Ok(work.pool.find(&name)?.map(|_| work.source(name))))
            .await
    }

    async fn remove(&self, disk: &DiskId) -> Result<(), DiskError> {
        let name = names::disk(disk)?;
        let (mut tries, mut going) = (CLOSING_TRIES, None);
        loop {
            let name = name.clone();
            let done = match going.take() {
                Some(image) => {
                    self.run(Span::Long, move |work| remove::finish_removal(work, image)).await
                }
                None => self.run(Span::Long, move |work| remove::remove(work, &name)).await,
            };
            match done {
                Ok(None) => return Ok(()),
                // With the last of its clones, or by the next start.
                Ok(Some(_)) if tries == 0 => return Ok(()),
                Ok(still) => going = still,
                Err(DiskError::Conflict(_)) if tries > 0 => {}
                Err(error) => return Err(error),
            }
            tries -= 1;
            tokio::time::sleep(CLOSING).await;
        }
    }

    async fn seed_base(&self, _image: ImageId) -> Result<(), DiskError> {
        Err(DiskError::Unsupported(
            "this host's disks lie in Ceph, where they are clones of the images themselves: there is nothing to make ahead"
                .to_owned(),
        ))
    }

    async fn release_base(&self, _image: ImageId, _in_use: &[ImageId]) -> Result<bool, DiskError> {
        Ok(false)
    }

    async fn begin_copy(
        &self,
        disk: &DiskId,
        _runs: bool,
    ) -> Result<Option<BlockSource>, DiskError> {
        let name = names::disk(disk)?;
        self.run(Span::Short, move |work| copied::begin(work, &name).map(|()| None)).await
    }

    async fn open_copy(&self, disk: &DiskId) -> Result<Box<dyn VolumeBytes>, DiskError> {
        let (name, client) = (names::disk(disk)?, self.client.clone());
        self.run(Span::Short, move |work| copied::open(work, client, &name)).await
    }

    async fn drop_copy(&self, disk: &DiskId) -> Result<(), DiskError> {
        let name = names::disk(disk)?;
        self.run(Span::Short, move |work| copied::drop_it(work, &name)).await
    }

    async fn list_bases(&self) -> Result<Vec<ImageId>, DiskError> {
        Ok(Vec::new())
    }
}
