//! One upload: digests, the inspector and the cluster work side by side, as for files.

use super::store::{RbdImageStore, store_error};
use super::{rbd_name, verbs};
use crate::image_store::digest::{Md5Work, Sha512Work};
use crate::image_store::lane::{Block, Lane, Work as LaneWork};
use crate::inspect::Inspector;
use crate::rbd::{CephError, OpenImage, Span};
use crate::volume::write_data;
use async_trait::async_trait;
use bytes::{Bytes as Chunk, BytesMut};
use hatchery_model::id::ImageId;
use hatchery_model::image::{DiskFormat, ImageContent};
use hatchery_model::units::Bytes;
use hatchery_ports::image_store::{ImageStoreError, ImageWriter};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;

/// The unit of work: half an object of Glance's usual size.
const BLOCK: usize = 4 << 20;
/// Blocks under way at once.
const BLOCKS: usize = 4;
/// An upload does not say how long it is: room is made in steps, each twice the last.
const FIRST_ROOM: u64 = 64 << 20;

/// The inspector and the cluster.
struct CephWork {
    image: OpenImage,
    inspector: Inspector,
    at: u64,
    room: u64,
    failed: Option<CephError>,
    /// Tells the writer that it need not go on.
    stop: Arc<AtomicBool>,
}

impl CephWork {
    fn append(&mut self, bytes: &[u8]) -> Result<(), CephError> {
        let end = self.at + bytes.len() as u64;
        if end > self.room {
            self.room = end.max(self.room * 2).max(FIRST_ROOM);
            self.image.grow(self.room)?;
        }
        write_data(&self.image, self.at, bytes)?;
        self.at = end;
        Ok(())
    }
}

impl LaneWork for CephWork {
    fn step(&mut self, bytes: &[u8]) {
        if self.stop.load(Ordering::Relaxed) {
            return;
        }
        self.inspector.feed(bytes);
        if self.inspector.early_refusal().is_none() {
            match self.append(bytes) {
                Ok(()) => return,
                Err(error) => self.failed = Some(error),
            }
        }
        self.stop.store(true, Ordering::Relaxed);
    }
}

struct Lanes {
    md5: Lane<Md5Work>,
    sha512: Lane<Sha512Work>,
    ceph: Lane<CephWork>,
}

/// See the head of this file.
pub(super) struct Upload {
    store: RbdImageStore,
    image: ImageId,
    name: String,
    lanes: Option<Lanes>,
    block: BytesMut,
    room: Arc<Semaphore>,
    stop: Arc<AtomicBool>,
    size: u64,
    cap: Bytes,
    /// A call was cut off or failed: the bytes are not whole.
    broken: bool,
}

impl Upload {
    /// Takes the name; what an earlier try left under it goes.
    pub(super) async fn begin(
        store: RbdImageStore,
        image: ImageId,
        name: String,
        declared: DiskFormat,
        cap: Bytes,
    ) -> Result<Self, ImageStoreError> {
        let opening = name.clone();
        let opened = store.run(Span::Short, "begin an upload", move |work| {
            verbs::delete(work, &opening)?;
            work.pool.create(&opening, 0, work.settings.object_order)?;
            work.pool.open(&opening)
        });
        let opened = opened.await?;
        let stop = Arc::new(AtomicBool::new(false));
        let ceph = CephWork {
            image: opened,
            inspector: Inspector::new(declared),
            at: 0,
            room: 0,
            failed: None,
            stop: stop.clone(),
        };
        Ok(Self {
            store,
            image,
            name,
            lanes: Some(Lanes {
                md5: Lane::new(Md5Work::default()),
                sha512: Lane::new(Sha512Work::default()),
                ceph: Lane::new(ceph),
            }),
            block: BytesMut::new(),
            room: Arc::new(Semaphore::new(BLOCKS)),
            stop,
            size: 0,
            cap,
            broken: false,
        })
    }

    async fn take(&mut self, mut chunk: Chunk) -> Result<(), ImageStoreError> {
        self.size = self.size.saturating_add(chunk.len() as u64);
        if self.size > self.cap.0 {
            return Err(ImageStoreError::Exhausted(format!(
                "the image is larger than the {} that one image may have",
                self.cap
            )));
        }
        while !chunk.is_empty() {
            let part = chunk.split_to(chunk.len().min(BLOCK - self.block.len()));
            self.block.extend_from_slice(&part);
            if self.block.len() == BLOCK {
                self.hand_over().await?;
            }
        }
        Ok(())
    }

    /// Gives the collected block to every lane, as soon as there is room for one more.
    async fn hand_over(&mut self) -> Result<(), ImageStoreError> {
        let room = self.room.clone().acquire_owned().await.map_err(gone_wrong)?;
        let block =
            Block { bytes: std::mem::take(&mut self.block).freeze(), _room: Arc::new(room) };
        if self.stop.load(Ordering::Relaxed) {
            return Err(self.why_stopped().await);
        }
        if let Some(lanes) = &mut self.lanes {
            lanes.md5.push(block.clone());
            lanes.sha512.push(block.clone());
            lanes.ceph.push(block);
        }
        Ok(())
    }

    /// What made the cluster's lane give up; nothing is left of the upload then.
    async fn why_stopped(&mut self) -> ImageStoreError {
        let Some(lanes) = self.lanes.take() else {
            return gone_wrong("the upload has failed before");
        };
        match lanes.ceph.finish().await {
            Err(error) => gone_wrong(error),
            Ok(work) => {
                let why = match (work.inspector.early_refusal(), &work.failed) {
                    (Some(refusal), _) => ImageStoreError::Invalid(refusal.to_string()),
                    (None, Some(error)) => store_error("write the image's bytes", error.clone()),
                    (None, None) => gone_wrong("the upload was stopped"),
                };
                remove(self.store.clone(), self.name.clone(), work).await;
                why
            }
        }
    }

    /// Removes what has arrived, in the background.
    fn let_go(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let Some(lanes) = self.lanes.take() else { return };
        let (store, name) = (self.store.clone(), self.name.clone());
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(async move {
                if let Ok(work) = lanes.ceph.finish().await {
                    remove(store, name, work).await;
                }
            });
        }
    }
}

fn gone_wrong(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> ImageStoreError {
    ImageStoreError::Unavailable {
        doing: "go on with the upload".to_owned(),
        source: io::Error::other(error),
    }
}

/// Closes the image and removes it. What cannot be removed now is left for the sweep.
async fn remove(store: RbdImageStore, name: String, work: CephWork) {
    let removed = store.run(Span::Long, "remove an upload", move |with| {
        drop(work);
        verbs::delete(with, &name)
    });
    if let Err(error) = removed.await {
        tracing::warn!(%error, "an upload's bytes are left for the sweep");
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        self.let_go();
    }
}

#[async_trait]
impl ImageWriter for Upload {
    async fn write(&mut self, chunk: Chunk) -> Result<(), ImageStoreError> {
        if self.broken {
            return Err(self.why_stopped().await);
        }
        // Stays set when this call is cut off in the middle.
        self.broken = true;
        let taken = self.take(chunk).await;
        match &taken {
            Ok(()) => self.broken = false,
            Err(_) => self.let_go(),
        }
        taken
    }

    async fn finish(mut self: Box<Self>) -> Result<ImageContent, ImageStoreError> {
        if self.broken {
            return Err(self.why_stopped().await);
        }
        if !self.block.is_empty() {
            self.hand_over().await?;
        }
        let Some(lanes) = self.lanes.take() else {
            return Err(self.why_stopped().await);
        };
        let work = lanes.ceph.finish().await.map_err(gone_wrong)?;
        let (size, image, name) = (self.size, self.image, self.name.clone());
        // The digests end while the cluster does.
        let sealed = self.store.run(Span::Long, "finish the upload", move |with| {
            let sealed = seal(work, size);
            if !matches!(sealed, Ok(Ok(_))) {
                verbs::delete(with, &name)?;
            }
            sealed.map(|judged| {
                judged.map(|inspection| (inspection, verbs::location(with, rbd_name(image, false))))
            })
        });
        let (inspection, location) = sealed.await?.map_err(ImageStoreError::Invalid)?;
        let md5 = lanes.md5.finish().await.map_err(gone_wrong)?;
        let sha512 = lanes.sha512.finish().await.map_err(gone_wrong)?;
        Ok(ImageContent {
            size: Bytes(size),
            md5: md5.finish(),
            sha512: sha512.finish(),
            inspection,
            raw: None,
            location: Some(location),
        })
    }
}

/// The verdict, and the bytes in the cluster; or a refusal, as a text for the user. Blocks.
fn seal(
    work: CephWork,
    size: u64,
) -> Result<Result<hatchery_model::image::Inspection, String>, CephError> {
    if let Some(error) = work.failed {
        return Err(error);
    }
    match work.inspector.finish() {
        Err(refusal) => Ok(Err(refusal.to_string())),
        Ok(inspection) => verbs::seal(work.image, size).map(|()| Ok(inspection)),
    }
}
