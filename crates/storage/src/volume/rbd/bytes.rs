//! A volume's bytes as a whole, read or written where they lie.

use super::backend::Work;
use super::copy::Runs;
use super::{names, verbs};
use crate::rbd::{CephClient, OpenImage, Span};
use async_trait::async_trait;
use bytes::Bytes as Chunk;
use hatchery_model::units::Bytes;
use hatchery_ports::volume_backend::{Opened, VolumeBytes, VolumeError};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::runtime::Handle;

/// Open bytes.
struct RbdBytes {
    client: CephClient,
    size: Bytes,
    is_writing: bool,
    inner: Option<Arc<Inner>>,
}

struct Inner {
    image: OpenImage,
    runs: Mutex<Runs>,
}

/// Opens what the volume holds. Blocks.
pub(super) fn open(
    work: &Work<'_>,
    client: CephClient,
    what: Opened,
) -> Result<Box<dyn VolumeBytes>, VolumeError> {
    let (image, is_writing) = match what {
        Opened::Volume(volume) => match work.pool.find(&names::volume(volume))? {
            Some(image) => (image, false),
            None => return Err(verbs::no_volume(volume)),
        },
        Opened::Snapshot(volume, snapshot) => {
            let name = names::snapshot(snapshot);
            match work.pool.open_to_read(&names::volume(volume), Some(&name)) {
                Err(error) if error.is_not_found() => return Err(verbs::no_snapshot(snapshot)),
                opened => (opened?, false),
            }
        }
        Opened::ForWriting(volume) | Opened::Anew(volume) => {
            let image = verbs::open(&work.pool, volume)?;
            verbs::require_idle(work, &image, volume, "write it as a whole")?;
            if matches!(what, Opened::Anew(_)) {
                image.discard(0, image.size()?)?;
            }
            (image, true)
        }
    };
    opened(client, image, is_writing)
}

/// Opens what an image holds at a snapshot, to be read. Blocks.
pub(crate) fn read_image(
    client: CephClient,
    image: OpenImage,
) -> Result<Box<dyn VolumeBytes>, VolumeError> {
    opened(client, image, false)
}

fn opened(
    client: CephClient,
    image: OpenImage,
    is_writing: bool,
) -> Result<Box<dyn VolumeBytes>, VolumeError> {
    let size = Bytes(image.size()?);
    let inner = Inner { image, runs: Mutex::new(Runs::from(0)) };
    Ok(Box::new(RbdBytes { client, size, is_writing, inner: Some(Arc::new(inner)) }))
}

impl RbdBytes {
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Inner) -> Result<T, VolumeError> + Send + 'static,
    ) -> Result<T, VolumeError> {
        let inner = self.inner.clone();
        let inner = inner.ok_or_else(|| VolumeError::Conflict("it was closed".to_owned()))?;
        self.client.run(Span::Long, move |_| work(&inner)).await
    }

    fn check(&self, offset: u64, length: u64) -> Result<(), VolumeError> {
        if offset.checked_add(length).is_none_or(|end| end > self.size.0) {
            return Err(VolumeError::Invalid(format!(
                "{length} bytes at {offset} lie outside of the volume's {}",
                self.size
            )));
        }
        Ok(())
    }
}

impl Drop for RbdBytes {
    /// Closing waits for the cluster: not on a thread that others wait for.
    fn drop(&mut self) {
        if let Some(inner) = self.inner.take()
            && let Ok(runtime) = Handle::try_current()
        {
            runtime.spawn_blocking(move || drop(inner));
        }
    }
}

#[async_trait]
impl VolumeBytes for RbdBytes {
    fn size(&self) -> Bytes {
        self.size
    }

    async fn next_data(&mut self, offset: u64) -> Result<Option<(u64, u64)>, VolumeError> {
        let (size, is_writing) = (self.size.0, self.is_writing);
        self.run(move |inner| {
            if is_writing {
                // What was just written is not told of yet.
                return Ok((offset < size).then(|| (offset, (size - offset).min(4 << 20))));
            }
            let mut runs = inner.runs.lock().unwrap_or_else(PoisonError::into_inner);
            if runs.is_behind(offset) {
                *runs = Runs::from(offset);
            }
            runs.next(&inner.image, offset, size)
        })
        .await
    }

    async fn read(&mut self, offset: u64, length: u64) -> Result<Chunk, VolumeError> {
        self.check(offset, length)?;
        self.run(move |inner| {
            let mut bytes = vec![0; length as usize];
            inner.image.read(offset, &mut bytes)?;
            Ok(Chunk::from(bytes))
        })
        .await
    }

    async fn write(&mut self, offset: u64, data: Chunk) -> Result<(), VolumeError> {
        self.check(offset, data.len() as u64)?;
        if !self.is_writing {
            return Err(VolumeError::Unsupported("the volume was opened for reading".to_owned()));
        }
        self.run(move |inner| Ok(inner.image.write(offset, &data)?)).await
    }

    async fn close(mut self: Box<Self>) -> Result<(), VolumeError> {
        let Some(inner) = self.inner.take() else { return Ok(()) };
        self.client
            .run(Span::Long, move |_| match Arc::into_inner(inner) {
                Some(inner) => Ok(inner.image.close()?),
                // A call that its caller has let go of still runs, and closes it.
                None => Ok(()),
            })
            .await
    }
}
