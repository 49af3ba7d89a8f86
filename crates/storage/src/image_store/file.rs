//! Images as files of a pool: `POOL/images/<image id>`, sealed, and `POOL/images/.incoming/<attempt>` while they arrive.
//!
//! An image has its name only when every byte of it is on the disk, digested and accepted. Names in `.incoming` may be
//! litter at any time; the names of images never are.

use super::upload::{SEALED_MODE, Upload};
use crate::durable::{look, remove, remove_stale, sync_folder};
use crate::owner::FileOwner;
use crate::pool::Pool;
use async_trait::async_trait;
use bytes::Bytes as Chunk;
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use hatchery_model::id::ImageId;
use hatchery_model::image::DiskFormat;
use hatchery_model::units::Bytes;
use hatchery_ports::image_store::{ImageStore, ImageStoreError, ImageWriter};
use nix::errno::Errno;
use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use tokio::io::{AsyncReadExt, AsyncSeekExt};
use tokio::task::spawn_blocking;
use tokio_util::io::ReaderStream;

/// A piece of a download.
const READ_BYTES: usize = 512 << 10;
/// No attempt's name begins so.
const TRIAL_PREFIX: &str = ".owner-";

/// See the head of this file.
#[derive(Clone, Debug)]
pub struct FileImageStore {
    pool: Pool,
    owner: FileOwner,
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
            Ok(pool) => Ok(Self { pool, owner }),
            Err(error) => Err(store_error(&format!("use the pool {}", pool.display()), error)),
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

/// `Ok` when the image has the bytes, by this call or an earlier one. Says `false` when there are none.
fn rename_into_place(from: &Path, to: &Path) -> io::Result<bool> {
    let Some(arrived) = look(from)? else {
        let there = look(to)?.is_some();
        // An earlier call may have been cut off before its names were durable.
        sync_names(from, to)?;
        return Ok(there);
    };
    if let Some(there) = look(to)?
        && there.nlink() > 1
    {
        return Err(io::Error::new(
            io::ErrorKind::AlreadyExists,
            "the image has other bytes already, and bases are made of them",
        ));
    }
    if !arrived.is_file() || arrived.permissions().mode() & 0o7777 != SEALED_MODE {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "the upload has not been finished",
        ));
    }
    fs::rename(from, to)?;
    sync_names(from, to)?;
    Ok(true)
}

fn sync_names(from: &Path, to: &Path) -> io::Result<()> {
    for path in [to, from] {
        sync_folder(path.parent().unwrap_or(Path::new("/")))?;
    }
    Ok(())
}

fn remove_durably(path: &Path) -> io::Result<()> {
    remove(path)?;
    // Also when there was nothing: an earlier call may have been cut off in between.
    sync_folder(path.parent().unwrap_or(Path::new("/")))
}

fn list(pool: &Pool) -> io::Result<(Vec<ImageId>, Vec<String>)> {
    let mut images = Vec::new();
    for entry in fs::read_dir(pool.images())? {
        let name = entry?.file_name();
        // Only the spelling that this store writes: other files are not ours to judge.
        if let Some(text) = name.to_str()
            && let Ok(image) = text.parse::<ImageId>()
            && image.to_string() == text
        {
            images.push(image);
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
    Ok((images, attempts))
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
        let path = self.pool.image(image);
        blocking("delete an image", move || remove_durably(&path)).await
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
