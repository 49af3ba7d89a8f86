//! What a server's own disk of files holds, to be read as a volume is.

use super::chain::Chain;
use async_trait::async_trait;
use bytes::Bytes as Chunk;
use hatchery_model::disk::BlockSource;
use hatchery_model::units::Bytes;
use hatchery_ports::volume_backend::{VolumeBytes, VolumeError};
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::task::spawn_blocking;

struct DiskBytes {
    size: Bytes,
    chain: Arc<Mutex<Chain>>,
}

/// Opens it with all that it lies on. Blocks.
pub(crate) fn read_disk(source: &BlockSource) -> io::Result<Box<dyn VolumeBytes>> {
    let chain = Chain::open(source)?;
    let size = Bytes(chain.size());
    Ok(Box::new(DiskBytes { size, chain: Arc::new(Mutex::new(chain)) }))
}

impl DiskBytes {
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Chain) -> io::Result<T> + Send + 'static,
    ) -> Result<T, VolumeError> {
        let chain = self.chain.clone();
        let done =
            spawn_blocking(move || work(&mut chain.lock().unwrap_or_else(PoisonError::into_inner)));
        done.await.unwrap_or_else(|error| Err(io::Error::other(error))).map_err(|source| {
            VolumeError::Unavailable { doing: "read the disk".to_owned(), source }
        })
    }
}

#[async_trait]
impl VolumeBytes for DiskBytes {
    fn size(&self) -> Bytes {
        self.size
    }

    async fn next_data(&mut self, offset: u64) -> Result<Option<(u64, u64)>, VolumeError> {
        let size = self.size.0;
        self.run(move |chain| chain.next_data(offset, size)).await
    }

    async fn read(&mut self, offset: u64, length: u64) -> Result<Chunk, VolumeError> {
        if offset.checked_add(length).is_none_or(|end| end > self.size.0) {
            return Err(VolumeError::Invalid(format!(
                "{length} bytes at {offset} lie outside of the disk's {}",
                self.size
            )));
        }
        self.run(move |chain| {
            let mut bytes = vec![0; length as usize];
            chain.read(offset, &mut bytes)?;
            Ok(Chunk::from(bytes))
        })
        .await
    }

    async fn write(&mut self, _: u64, _: Chunk) -> Result<(), VolumeError> {
        Err(VolumeError::Unsupported("the disk was opened for reading".to_owned()))
    }

    async fn close(self: Box<Self>) -> Result<(), VolumeError> {
        Ok(())
    }
}
