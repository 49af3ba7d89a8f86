//! A volume's bytes as a whole.
//!
//! Writing makes a raw file of its own, which holds at first what the volume holds, and takes the volume's place when it is closed: whoever dies
//! in between leaves the volume as it was. On a share, what is read is opened anew when its handle is stale. What is written is not: a write that
//! was taken may have been lost with the handle, so that whoever writes begins again.

use super::error::{failed, may_pass};
use super::ground::Ground;
use super::record::{FileRecord, VolumeRecord};
use super::shelf::Shelf;
use super::verbs::no_snapshot;
use crate::disk::{create, give};
use crate::durable::{look, remove, same_file};
use crate::pool::Op;
use crate::volume::chain::Chain;
use async_trait::async_trait;
use bytes::Bytes as Chunk;
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
    ground: Ground,
    /// The folder stays what it is as long as this is here.
    shelf: Shelf,
    /// The file that is read, with all that it lies on.
    file: String,
    chain: Chain,
    writing: Option<Writing>,
}

impl Inner {
    /// Reads through all files, which are opened again where their handles may be stale.
    fn read<T>(
        &mut self,
        doing: &'static str,
        mut work: impl FnMut(&mut Chain) -> io::Result<T>,
    ) -> Result<T, VolumeError> {
        let mut left = self.ground.tries();
        loop {
            left -= 1;
            let step = self.shelf.steps.before(Op::Read(&self.shelf.path(&self.file)));
            match step.and_then(|()| work(&mut self.chain)) {
                Err(error) if left > 0 && may_pass(&error) => {
                    tracing::warn!(file = self.file, %error, "a volume's file is opened again");
                    let open = |shelf: &Shelf| Ok((shelf.clone(), shelf.chain(&self.file)?));
                    (self.shelf, self.chain) = self.ground.work(doing, open)?;
                }
                done => return done.map_err(failed(doing)),
            }
        }
    }
}

struct Writing {
    shelf: Shelf,
    /// As it was when this was opened.
    record: VolumeRecord,
    file: File,
    incoming: PathBuf,
    is_kept: bool,
    /// Keeps other hosts away from the volume.
    _turn: Option<File>,
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
pub(super) fn open(
    shelf: &Shelf,
    what: Opened,
    ground: &Ground,
) -> Result<Box<dyn VolumeBytes>, VolumeError> {
    let doing = "open the volume";
    let turn = match what {
        Opened::Volume(_) | Opened::Snapshot(..) => None,
        Opened::ForWriting(volume) | Opened::Anew(volume) => shelf.turn(volume)?,
    };
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
    let mut chain = shelf.chain(file)?;
    let first = match what {
        Opened::Volume(_) | Opened::Snapshot(..) => None,
        Opened::ForWriting(_) => Some(Some(&mut chain)),
        Opened::Anew(_) => Some(None),
    };
    let writing = match first {
        Some(first) => {
            shelf.require_idle(&record, "write it as a whole")?;
            Some(begin(shelf, &record, turn, first).map_err(failed(doing))?)
        }
        None => None,
    };
    let (ground, shelf, file) = (ground.clone(), shelf.clone(), file.clone());
    let inner = Inner { ground, shelf, file, chain, writing };
    Ok(Box::new(FileBytes { size, inner: Arc::new(Mutex::new(inner)) }))
}

/// Has the volume in a raw file of its own, which lies on nothing. Blocks.
pub(super) fn flatten(shelf: &Shelf, volume: VolumeId) -> Result<(), VolumeError> {
    let doing = "copy what the volume lies on";
    let turn = shelf.turn(volume)?;
    let mut writing = {
        let _lock = shelf.lock()?;
        let record = shelf.require(volume)?;
        shelf.require_idle(&record, "copy what it lies on")?;
        let mut chain = shelf.chain(&record.file)?;
        begin(shelf, &record, turn, Some(&mut chain)).map_err(failed(doing))?
    };
    writing.keep()
}

/// A file that holds what `first` does, or zeros.
fn begin(
    shelf: &Shelf,
    record: &VolumeRecord,
    turn: Option<File>,
    first: Option<&mut Chain>,
) -> io::Result<Writing> {
    let incoming = shelf.incoming(&format!("volume-{}", record.volume));
    remove(&incoming)?;
    shelf.steps.before(Op::Write(&incoming))?;
    let file = create(&incoming)?;
    let (shelf, record) = (shelf.clone(), record.clone());
    let writing = Writing { shelf, record, file, incoming, is_kept: false, _turn: turn };
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
        let synced = self.shelf.steps.before(Op::Sync(&self.incoming));
        synced.and_then(|()| self.file.sync_all()).map_err(failed(doing))?;
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
        self.require_same().map_err(failed(doing))?;
        self.shelf.rename(&self.incoming, &record.file).map_err(failed(doing))?;
        self.is_kept = true;
        self.shelf.keep(&record)?;
        self.shelf.sweep().map_err(failed(doing))
    }
}

impl Writing {
    /// Whether the name still leads to what was written: a server that has given our lock to somebody else, since it did not hear of us, has
    /// let them begin again under the same name.
    fn require_same(&self) -> io::Result<()> {
        let written = self.file.metadata()?;
        if look(&self.incoming)?.is_some_and(|there| same_file(&there, &written)) {
            return Ok(());
        }
        let text = "somebody else has begun to write the volume meanwhile: begin again";
        Err(io::Error::new(io::ErrorKind::InvalidData, text))
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
                None => inner.read("look for data", |chain| chain.next_data(offset, size)),
            }
        })
        .await
    }

    async fn read(&mut self, offset: u64, length: u64) -> Result<Chunk, VolumeError> {
        self.check(offset, length)?;
        self.run("read the volume", move |inner| {
            let doing = "read the volume";
            let mut bytes = vec![0; length as usize];
            match &inner.writing {
                Some(writing) => {
                    writing.file.read_exact_at(&mut bytes, offset).map_err(failed(doing))?;
                }
                None => inner.read(doing, |chain| chain.read(offset, &mut bytes))?,
            }
            Ok(Chunk::from(bytes))
        })
        .await
    }

    async fn write(&mut self, offset: u64, data: Chunk) -> Result<(), VolumeError> {
        self.check(offset, data.len() as u64)?;
        self.run("write the volume", move |inner| match &inner.writing {
            Some(writing) => {
                let step = writing.shelf.steps.before(Op::Write(&writing.incoming));
                let written = step.and_then(|()| writing.file.write_all_at(&data, offset));
                written.map_err(failed("write the volume"))
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
