//! Images as files of a pool: `POOL/images/<image id>`, sealed, and `POOL/images/.incoming/<attempt>` while they arrive; their raw
//! forms, where they have some, are `POOL/images/.raw/<image id>`.
//!
//! An image has its name only when every byte of it is on the disk, digested and accepted. Names in `.incoming` may be
//! litter at any time; the names of images never are.

use super::publish::{beside_its_image, rename_into_place, share, share_for_attempt};
use super::upload::Upload;
use crate::convert::{ConvertError, to_raw};
use crate::durable::{remove, remove_stale, sync_folder};
use crate::owner::FileOwner;
use crate::pool::{LINK_PREFIX, Pool, temporary_link};
use async_trait::async_trait;
use bytes::Bytes as Chunk;
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use hatchery_model::id::ImageId;
use hatchery_model::image::{DiskFormat, ImageFormat, RawForm};
use hatchery_model::units::Bytes;
use hatchery_ports::image_store::{ImageStore, ImageStoreError, ImageWriter, StoredBytes};
use nix::errno::Errno;
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncSeekExt};
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use tokio_util::io::ReaderStream;

/// A piece of a download.
const READ_BYTES: usize = 512 << 10;
/// No attempt's name begins so.
const TRIAL_PREFIX: &str = ".owner-";
/// Conversions at once: each takes two threads.
const CONVERSIONS: usize = 2;

/// See the head of this file.
#[derive(Clone, Debug)]
pub struct FileImageStore {
    pool: Pool,
    owner: FileOwner,
    /// Turns at converting.
    conversions: Arc<Semaphore>,
}

impl FileImageStore {
    /// Over the pool in this folder, made if it is missing. Sealed images belong to `owner`; that this process may give
    /// files away is tried here, so that it does not fail first at the end of an upload.
    pub fn new(pool: &Path, owner: FileOwner) -> Result<Self, ImageStoreError> {
        let opened = Pool::open(pool).and_then(|pool| {
            try_owner(&pool, owner)?;
            Ok(pool)
        });
        match opened {
            Ok(pool) => {
                Ok(Self { pool, owner, conversions: Arc::new(Semaphore::new(CONVERSIONS)) })
            }
            Err(error) => Err(store_error(&format!("use the pool {}", pool.display()), error)),
        }
    }

    fn path(&self, bytes: StoredBytes) -> PathBuf {
        match bytes {
            StoredBytes::Image(image) => self.pool.image(image),
            StoredBytes::RawForm(image) => self.pool.raw_form(image),
        }
    }

    fn attempt(&self, attempt: &str) -> Result<PathBuf, ImageStoreError> {
        self.pool.attempt(attempt).ok_or_else(|| {
            ImageStoreError::Invalid(format!(
                "{attempt:?} is not the name of an upload: letters, digits, '-', '_' and inner dots are allowed, at \
                 most 128"
            ))
        })
    }
}

/// Gives a file of one's own to the owner, and removes it.
fn try_owner(pool: &Pool, owner: FileOwner) -> io::Result<()> {
    let path = pool.incoming().join(format!("{TRIAL_PREFIX}{}", std::process::id()));
    let tried = fs::File::create(&path).and_then(|file| {
        remove_stale(&pool.incoming(), TRIAL_PREFIX, &file)?;
        owner.give(&file)
    });
    remove(&path)?;
    tried.map_err(|error| {
        io::Error::new(
            error.kind(),
            format!(
                "its files cannot be given to the hypervisor's user ({error}): run as root, or configure no owner"
            ),
        )
    })
}

/// Tells a full disk from other trouble.
pub(super) fn store_error(doing: &str, error: io::Error) -> ImageStoreError {
    match error.raw_os_error().map(Errno::from_raw) {
        Some(Errno::ENOSPC | Errno::EDQUOT) => ImageStoreError::Exhausted(
            "the image store is full: delete images that nobody needs, or ask the operator for room".to_owned(),
        ),
        Some(Errno::EFBIG) => ImageStoreError::Exhausted(
            "the image is larger than the image store's filesystem can take".to_owned(),
        ),
        Some(_) | None => ImageStoreError::Unavailable {
            doing: doing.to_owned(),
            source: error,
        },
    }
}

/// Runs on a thread that may block.
async fn blocking<T: Send + 'static>(
    doing: &'static str,
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, ImageStoreError> {
    spawn_blocking(work)
        .await
        .map_err(io::Error::other)
        .and_then(|done| done)
        .map_err(|error| store_error(doing, error))
}

/// Converts, and tells the port's errors apart. Blocks.
fn make_raw(
    image: ImageId,
    from: &Path,
    to: &Path,
    owner: FileOwner,
    cap: Bytes,
) -> Result<RawForm, ImageStoreError> {
    let doing = "convert an image to raw";
    remove(to).map_err(|error| store_error(doing, error))?;
    let made = to_raw(from, ImageFormat::Qcow2, to, owner, cap).map_err(|error| match error {
        ConvertError::Invalid(text) | ConvertError::Unsupported(text) => {
            ImageStoreError::Invalid(text)
        }
        ConvertError::Exhausted(text) => ImageStoreError::Exhausted(text),
        ConvertError::Unavailable { source, .. } if source.kind() == io::ErrorKind::NotFound => {
            ImageStoreError::NotFound(image)
        }
        ConvertError::Unavailable { source, .. } => store_error(doing, source),
    })?;
    sync_folder(to.parent().unwrap_or(Path::new("/")))
        .map_err(|error| store_error(doing, error))?;
    Ok(RawForm { size: made.size, sha512: made.sha512, location: None })
}

fn remove_durably(path: &Path) -> io::Result<()> {
    remove(path)?;
    // Also when there was nothing: an earlier call may have been cut off in between.
    sync_folder(path.parent().unwrap_or(Path::new("/")))
}

fn list(pool: &Pool) -> io::Result<(Vec<ImageId>, Vec<String>)> {
    let mut images = BTreeSet::new();
    for folder in [pool.images(), pool.raw_forms()] {
        for entry in fs::read_dir(folder)? {
            let name = entry?.file_name();
            // A link that was cut off counts as its image. Only the spelling that this store writes: other files are not
            // ours to judge.
            if let Some(name) = name.to_str()
                && let text = name.strip_prefix(LINK_PREFIX).unwrap_or(name)
                && let Ok(image) = text.parse::<ImageId>()
                && image.to_string() == text
            {
                images.insert(image);
            }
        }
    }
    let mut attempts = Vec::new();
    for entry in fs::read_dir(pool.incoming())? {
        if let Ok(name) = entry?.file_name().into_string()
            && pool.attempt(&name).is_some()
        {
            attempts.push(name);
        }
    }
    Ok((images.into_iter().collect(), attempts))
}

#[async_trait]
impl ImageStore for FileImageStore {
    async fn begin(
        &self,
        _image: ImageId,
        attempt: &str,
        declared: DiskFormat,
        cap: Bytes,
    ) -> Result<Box<dyn ImageWriter>, ImageStoreError> {
        let (path, owner) = (self.attempt(attempt)?, self.owner);
        let upload =
            blocking("begin an upload", move || Upload::begin(path, declared, cap, owner)).await?;
        Ok(Box::new(upload))
    }

    async fn publish(&self, image: ImageId, attempt: &str) -> Result<(), ImageStoreError> {
        let (from, to) = (self.attempt(attempt)?, self.pool.image(image));
        let there = blocking("publish an image", move || rename_into_place(&from, &to)).await?;
        there.then_some(()).ok_or(ImageStoreError::NotFound(image))
    }

    async fn make_raw(
        &self,
        image: ImageId,
        attempt: &str,
        cap: Bytes,
    ) -> Result<RawForm, ImageStoreError> {
        let doing = "convert an image to raw";
        let (from, to, owner) = (self.pool.image(image), self.attempt(attempt)?, self.owner);
        let turn = Arc::clone(&self.conversions).acquire_owned().await;
        let turn = turn.map_err(|error| store_error(doing, io::Error::other(error)))?;
        let converted = spawn_blocking(move || {
            let _turn = turn;
            make_raw(image, &from, &to, owner, cap)
        });
        converted.await.map_err(|error| store_error(doing, io::Error::other(error)))?
    }

    async fn publish_raw(&self, image: ImageId, attempt: &str) -> Result<(), ImageStoreError> {
        let (from, to) = (self.attempt(attempt)?, self.pool.raw_form(image));
        let of = self.pool.image(image);
        let there = blocking("publish a raw form", move || {
            beside_its_image(&of, &to, || rename_into_place(&from, &to))
        });
        match there.await? {
            Some(true) => Ok(()),
            Some(false) | None => Err(ImageStoreError::NotFound(image)),
        }
    }

    async fn share(
        &self,
        what: StoredBytes,
        attempt: &str,
        twin: StoredBytes,
        size: Bytes,
    ) -> Result<bool, ImageStoreError> {
        let (from, to, owner) = (self.attempt(attempt)?, self.path(what), self.owner);
        let twin = self.path(twin);
        let shared = match what {
            StoredBytes::Image(_) => {
                blocking("share an image's bytes", move || {
                    share_for_attempt(&twin, &from, &to, size, owner)
                })
                .await?
            }
            StoredBytes::RawForm(image) => {
                let of = self.pool.image(image);
                blocking("share a raw form", move || {
                    beside_its_image(&of, &to, || share(&twin, &from, &to, size, owner))
                })
                .await?
                .ok_or(ImageStoreError::NotFound(image))?
            }
        };
        Ok(shared)
    }

    async fn read(
        &self,
        image: ImageId,
        offset: u64,
        length: Option<u64>,
    ) -> Result<BoxStream<'static, io::Result<Chunk>>, ImageStoreError> {
        let failed = |error: io::Error| match error.kind() {
            io::ErrorKind::NotFound => ImageStoreError::NotFound(image),
            _ => store_error("read an image", error),
        };
        let path = self.pool.image(image);
        let mut file = tokio::fs::File::open(path).await.map_err(failed)?;
        file.seek(io::SeekFrom::Start(offset)).await.map_err(failed)?;
        file.set_max_buf_size(READ_BYTES);
        let part = file.take(length.unwrap_or(u64::MAX));
        Ok(ReaderStream::with_capacity(part, READ_BYTES).boxed())
    }

    async fn delete(&self, image: ImageId) -> Result<(), ImageStoreError> {
        let (path, raw) = (self.pool.image(image), self.pool.raw_form(image));
        blocking("delete an image", move || {
            // The image first: without it nobody gives a raw form its name.
            for path in [path, raw] {
                remove(&temporary_link(&path))?;
                remove_durably(&path)?;
            }
            Ok(())
        })
        .await
    }

    async fn discard(&self, attempt: &str) -> Result<(), ImageStoreError> {
        let path = self.attempt(attempt)?;
        blocking("discard an upload", move || remove_durably(&path)).await
    }

    async fn list(&self) -> Result<(Vec<ImageId>, Vec<String>), ImageStoreError> {
        let pool = self.pool.clone();
        blocking("list the images", move || list(&pool)).await
    }
}
