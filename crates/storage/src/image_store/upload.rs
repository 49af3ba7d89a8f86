//! One upload: collects the bytes into blocks, and lets the digests, the inspector and the disk work side by side.

use super::digest::{Md5Work, Sha512Work};
use super::file::store_error;
use super::lane::{Block, Lane, Work};
use super::sparse_file::SparseFile;
use crate::durable::{remove, sync_folder};
use crate::inspect::Inspector;
use crate::owner::FileOwner;
use async_trait::async_trait;
use bytes::{Bytes as Chunk, BytesMut};
use hatchery_model::image::{DiskFormat, ImageContent, Inspection};
use hatchery_model::units::Bytes;
use hatchery_ports::image_store::{ImageStoreError, ImageWriter};
use std::fs::{File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

/// The unit of work: large enough to hide what a handover costs.
const BLOCK: usize = 512 << 10;
/// Blocks under way at once, so that one lane may lag a little. With the one that is being filled, the memory that an
/// upload takes.
const BLOCKS: usize = 6;
/// Sealed images can be read by all and are written by nobody. Until then only this process reads them: by the mode it
/// is told whether an upload was finished.
pub(super) const SEALED_MODE: u32 = 0o644;

/// The name that the bytes have while they arrive.
struct Incoming {
    path: PathBuf,
    /// Whether the name is still there and ours to take away. Never taken away twice: by then it may be the name of the
    /// next try.
    armed: bool,
}

impl Incoming {
    fn remove(&mut self) {
        if std::mem::take(&mut self.armed)
            && let Err(error) = remove(&self.path)
        {
            tracing::warn!(path = %self.path.display(), %error, "an upload's bytes are left for the sweep");
        }
    }
}

/// The inspector and the disk.
struct FileWork {
    file: SparseFile,
    inspector: Inspector,
    failed: Option<io::Error>,
    /// Tells the writer that it need not go on.
    stop: Arc<AtomicBool>,
}

impl Work for FileWork {
    fn step(&mut self, bytes: &[u8]) {
        if self.stop.load(Ordering::Relaxed) {
            return;
        }
        self.inspector.feed(bytes);
        if self.inspector.early_refusal().is_none() {
            match self.file.append(bytes) {
                Ok(()) => return,
                Err(error) => self.failed = Some(error),
            }
        }
        self.stop.store(true, Ordering::Relaxed);
    }
}

impl FileWork {
    /// The verdict, and the bytes on the disk; or their name gone. Blocks.
    fn seal(self, owner: FileOwner, path: &Path) -> Result<Inspection, ImageStoreError> {
        let sealed = self.try_seal(owner, path);
        if sealed.is_err()
            && let Err(error) = remove(path)
        {
            tracing::warn!(path = %path.display(), %error, "refused bytes are left for the sweep");
        }
        sealed
    }

    fn try_seal(self, owner: FileOwner, path: &Path) -> Result<Inspection, ImageStoreError> {
        let failed = |error| store_error("write the image's bytes", error);
        if let Some(error) = self.failed {
            return Err(failed(error));
        }
        let inspection = self
            .inspector
            .finish()
            .map_err(|refusal| ImageStoreError::Invalid(refusal.to_string()))?;
        self.file
            .seal(|file| {
                owner.give(file)?;
                file.set_permissions(Permissions::from_mode(SEALED_MODE))
            })
            .map_err(failed)?;
        sync_folder(path.parent().unwrap_or(Path::new("/"))).map_err(failed)?;
        Ok(inspection)
    }
}

struct Lanes {
    md5: Lane<Md5Work>,
    sha512: Lane<Sha512Work>,
    file: Lane<FileWork>,
}

/// See the head of this file.
pub(super) struct Upload {
    lanes: Option<Lanes>,
    block: BytesMut,
    room: Arc<Semaphore>,
    stop: Arc<AtomicBool>,
    size: u64,
    cap: Bytes,
    /// A call was cut off or failed: the bytes are not whole.
    broken: bool,
    owner: FileOwner,
    incoming: Incoming,
}

impl Upload {
    /// Takes the name; what an earlier try left under it goes. Blocks.
    pub(super) fn begin(
        path: PathBuf,
        declared: DiskFormat,
        cap: Bytes,
        owner: FileOwner,
    ) -> io::Result<Self> {
        remove(&path)?;
        let file: File = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
        let stop = Arc::new(AtomicBool::new(false));
        Ok(Self {
            lanes: Some(Lanes {
                md5: Lane::new(Md5Work::default()),
                sha512: Lane::new(Sha512Work::default()),
                file: Lane::new(FileWork {
                    file: SparseFile::new(file),
                    inspector: Inspector::new(declared),
                    failed: None,
                    stop: Arc::clone(&stop),
                }),
            }),
            block: BytesMut::new(),
            room: Arc::new(Semaphore::new(BLOCKS)),
            stop,
            size: 0,
            cap,
            broken: false,
            owner,
            incoming: Incoming { path, armed: true },
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
            if self.block.capacity() == 0 {
                self.block.reserve(BLOCK);
            }
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
        let room = Arc::clone(&self.room);
        let room = room
            .acquire_owned()
            .await
            .map_err(|error| store_error("go on with the upload", io::Error::other(error)))?;
        let block =
            Block { bytes: std::mem::take(&mut self.block).freeze(), _room: Arc::new(room) };
        if self.stop.load(Ordering::Relaxed) {
            return Err(self.why_stopped().await);
        }
        if let Some(lanes) = &mut self.lanes {
            lanes.md5.push(block.clone());
            lanes.sha512.push(block.clone());
            lanes.file.push(block);
        }
        Ok(())
    }

    /// What made the file's lane give up.
    async fn why_stopped(&mut self) -> ImageStoreError {
        let doing = "write the image's bytes";
        self.incoming.remove();
        let Some(lanes) = self.lanes.take() else {
            return store_error(doing, io::Error::other("the upload has failed before"));
        };
        match lanes.file.finish().await {
            Err(error) => store_error(doing, error),
            Ok(work) => match (work.inspector.early_refusal(), work.failed) {
                (Some(refusal), _) => ImageStoreError::Invalid(refusal.to_string()),
                (None, Some(error)) => store_error(doing, error),
                (None, None) => store_error(doing, io::Error::other("the upload was stopped")),
            },
        }
    }
}

impl Upload {
    /// Takes the name away while the file is open, which is quick however large it is; a blocking thread then closes
    /// the file, which frees its blocks.
    fn let_go(&mut self) {
        self.incoming.remove();
        if let Some(lanes) = self.lanes.take()
            && let Ok(runtime) = Handle::try_current()
        {
            runtime.spawn_blocking(move || drop(lanes));
        }
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
            // The room on the disk is given back now, not when the caller lets go.
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
        let doing = "finish the upload";
        let Some(lanes) = self.lanes.take() else {
            return Err(self.why_stopped().await);
        };
        let file = lanes.file.finish().await.map_err(|e| store_error(doing, e))?;
        let (owner, path) = (self.owner, self.incoming.path.clone());
        // The digests end while the disk does.
        let sealed = spawn_blocking(move || file.seal(owner, &path));
        let md5 = lanes.md5.finish().await.map_err(|e| store_error(doing, e))?;
        let sha512 = lanes.sha512.finish().await.map_err(|e| store_error(doing, e))?;
        let inspection =
            sealed.await.map_err(|error| store_error(doing, io::Error::other(error)))??;
        self.incoming.armed = false;
        Ok(ImageContent {
            size: Bytes(self.size),
            md5: md5.finish(),
            sha512: sha512.finish(),
            inspection,
            raw: None,
            location: None,
        })
    }
}
