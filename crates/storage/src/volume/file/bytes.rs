//! A volume's bytes as a whole.
//!
//! Writing makes a raw file of its own, which holds at first what the volume holds, and takes the volume's place when it is closed: whoever dies
//! in between leaves the volume as it was.

use super::error::failed;
use super::record::{FileRecord, VolumeRecord};
use super::shelf::Shelf;
use super::verbs::no_snapshot;
use crate::disk::{create, give};
use crate::durable::{remove, sync_folder};
use crate::volume::chain::Chain;
use async_trait::async_trait;
use bytes::Bytes as Chunk;
use hatchery_model::disk::BlockSource;
use hatchery_model::id::VolumeId;
use hatchery_model::image::ImageFormat;
use hatchery_model::units::Bytes;
use hatchery_ports::volume_backend::{Opened, VolumeBytes, VolumeError};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::task::spawn_blocking;

/// Open bytes.
struct FileBytes {
    size: Bytes,
    inner: Arc<Mutex<Inner>>,
}

struct Inner {
    chain: Chain,
    writing: Option<Writing>,
}

struct Writing {
    shelf: Shelf,
    /// As it was when this was opened.
    record: VolumeRecord,
    file: File,
    incoming: PathBuf,
    is_kept: bool,
}

impl Drop for Writing {
    fn drop(&mut self) {
        if !self.is_kept
            && let Err(error) = remove(&self.incoming)
        {
            tracing::warn!(path = %self.incoming.display(), %error, "a half-written file is left");
        }
    }
}

/// Opens what the volume holds. Blocks.
pub(super) fn open(shelf: &Shelf, what: Opened) -> Result<Box<dyn VolumeBytes>, VolumeError> {
    let doing = "open the volume";
    let _lock = shelf.lock()?;
    let (volume, snapshot) = match what {
        Opened::Volume(volume) | Opened::ForWriting(volume) | Opened::Anew(volume) => {
            (volume, None)
        }
        Opened::Snapshot(volume, snapshot) => (volume, Some(snapshot)),
    };
    let record = shelf.require(volume)?;
    let (file, size) = match snapshot {
        None => (&record.file, record.size),
        Some(snapshot) => {
            let found = record.snapshots.iter().find(|one| one.snapshot == snapshot);
            found.map(|one| (&one.file, one.size)).ok_or_else(|| no_snapshot(snapshot))?
        }
    };
    let mut chain = Chain::open(&shelf.source(file)?).map_err(failed(doing))?;
    let first = match what {
        Opened::Volume(_) | Opened::Snapshot(..) => None,
        Opened::ForWriting(_) => Some(Some(&mut chain)),
        Opened::Anew(_) => Some(None),
    };
    let writing = match first {
        Some(first) => {
            shelf.require_idle(&record, "write it as a whole")?;
            Some(begin(shelf, &record, first).map_err(failed(doing))?)
        }
        None => None,
    };
    Ok(Box::new(FileBytes { size, inner: Arc::new(Mutex::new(Inner { chain, writing })) }))
}

/// Has the volume in a raw file of its own, which lies on nothing. Blocks.
pub(super) fn flatten(shelf: &Shelf, volume: VolumeId) -> Result<(), VolumeError> {
    let doing = "copy what the volume lies on";
    let mut writing = {
        let _lock = shelf.lock()?;
        let record = shelf.require(volume)?;
        shelf.require_idle(&record, "copy what it lies on")?;
        let mut chain = Chain::open(&shelf.source(&record.file)?).map_err(failed(doing))?;
        begin(shelf, &record, Some(&mut chain)).map_err(failed(doing))?
    };
    writing.keep()
}

/// Opens what a disk of files holds, to be read. Blocks.
pub(crate) fn read_disk(source: &BlockSource) -> io::Result<Box<dyn VolumeBytes>> {
    let chain = Chain::open(source)?;
    let size = Bytes(chain.size());
    Ok(Box::new(FileBytes { size, inner: Arc::new(Mutex::new(Inner { chain, writing: None })) }))
}

/// A file that holds what `first` does, or zeros.
fn begin(shelf: &Shelf, record: &VolumeRecord, first: Option<&mut Chain>) -> io::Result<Writing> {
    let incoming = shelf.incoming(&format!("volume-{}", record.volume));
    remove(&incoming)?;
    let file = create(&incoming)?;
    let (shelf, record) = (shelf.clone(), record.clone());
    let writing = Writing { shelf, record, file, incoming, is_kept: false };
    let size = writing.record.size.0;
    writing.file.set_len(size)?;
    give(&writing.file, writing.shelf.owner)?;
    let Some(chain) = first else {
        return Ok(writing);
    };
    let mut from = 0;
    let mut piece = Vec::new();
    while let Some((offset, length)) = chain.next_data(from, size)? {
        piece.resize(length as usize, 0);
        chain.read(offset, &mut piece)?;
        writing.file.write_all_at(&piece, offset)?;
        from = offset + length;
    }
    Ok(writing)
}

impl Writing {
    fn keep(&mut self) -> Result<(), VolumeError> {
        let doing = "put what was written in the volume's place";
        self.file.sync_all().map_err(failed(doing))?;
        let _lock = self.shelf.lock()?;
        let mut record = self.shelf.require(self.record.volume)?;
        if record != self.record {
            return Err(VolumeError::Conflict(format!(
                "volume {} was changed while it was written: begin again",
                record.volume
            )));
        }
        self.shelf.require_idle(&record, "write it as a whole")?;
        record.file = format!("volume-{}.{}", record.volume, record.next);
        record.next += 1;
        let raw = FileRecord { format: ImageFormat::Raw, backing: None, image: None };
        self.shelf.keep_file(&record.file, &raw).map_err(failed(doing))?;
        std::fs::rename(&self.incoming, self.shelf.path(&record.file))
            .and_then(|()| sync_folder(&self.shelf.folder))
            .map_err(failed(doing))?;
        self.is_kept = true;
        self.shelf.keep(&record)?;
        self.shelf.sweep().map_err(failed(doing))
    }
}

impl FileBytes {
    async fn run<T: Send + 'static>(
        &self,
        doing: &'static str,
        work: impl FnOnce(&mut Inner) -> Result<T, VolumeError> + Send + 'static,
    ) -> Result<T, VolumeError> {
        let inner = self.inner.clone();
        let done =
            spawn_blocking(move || work(&mut inner.lock().unwrap_or_else(PoisonError::into_inner)));
        done.await.unwrap_or_else(|error| Err(failed(doing)(io::Error::other(error))))
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

#[async_trait]
impl VolumeBytes for FileBytes {
    fn size(&self) -> Bytes {
        self.size
    }

    async fn next_data(&mut self, offset: u64) -> Result<Option<(u64, u64)>, VolumeError> {
        let size = self.size.0;
        self.run("look for data", move |inner| {
            match &inner.writing {
                // What was written is not in the chain.
                Some(_) => Ok((offset < size).then(|| (offset, (size - offset).min(1 << 20)))),
                None => inner.chain.next_data(offset, size).map_err(failed("look for data")),
            }
        })
        .await
    }

    async fn read(&mut self, offset: u64, length: u64) -> Result<Chunk, VolumeError> {
        self.check(offset, length)?;
        self.run("read the volume", move |inner| {
            let mut bytes = vec![0; length as usize];
            match &inner.writing {
                Some(writing) => writing.file.read_exact_at(&mut bytes, offset),
                None => inner.chain.read(offset, &mut bytes),
            }
            .map_err(failed("read the volume"))?;
            Ok(Chunk::from(bytes))
        })
        .await
    }

    async fn write(&mut self, offset: u64, data: Chunk) -> Result<(), VolumeError> {
        self.check(offset, data.len() as u64)?;
        self.run("write the volume", move |inner| match &inner.writing {
            Some(writing) => {
                writing.file.write_all_at(&data, offset).map_err(failed("write the volume"))
            }
            None => Err(VolumeError::Unsupported("the volume was opened for reading".to_owned())),
        })
        .await
    }

    async fn close(self: Box<Self>) -> Result<(), VolumeError> {
        self.run("close the volume", |inner| match inner.writing.take() {
            Some(mut writing) => writing.keep(),
            None => Ok(()),
        })
        .await
    }
}
