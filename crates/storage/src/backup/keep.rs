//! Makes a backup: reads a volume block by block, and keeps the blocks that are neither zeros nor in the parent.

use super::error::failed;
use super::folder::{Folder, parent_is_gone, remove_all};
use super::head::{Head, Source, VERSION};
use super::table::{Entry, TableReader, TableWriter};
use crate::durable::{sync_folder, write_record};
use hatchery_model::units::Bytes;
use hatchery_model::volume::NewBackup;
use hatchery_ports::backup_store::{BackupError, KeptBackup};
use hatchery_ports::volume_backend::VolumeBytes;
use sha2::{Digest, Sha256};
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;
use tokio::task::spawn_blocking;

/// Read and looked at in one go, about.
const PIECE: u64 = 4 << 20;

/// A folder that is no backup yet, and goes unless it becomes one.
struct Incoming {
    path: PathBuf,
    is_named: bool,
}

/// A backup that has no name yet.
struct Keeping {
    folder: Folder,
    new: NewBackup,
    incoming: Incoming,
    size: u64,
    block: u64,
    /// The parent's blocks from the one that is next.
    parent: Option<(TableReader, Option<Entry>)>,
    sources: Vec<Source>,
    data: BufWriter<File>,
    table: TableWriter,
}

impl Drop for Incoming {
    fn drop(&mut self) {
        if !self.is_named
            && let Err(error) = remove_all(&self.path)
        {
            tracing::warn!(path = %self.path.display(), %error, "a half-written backup is left");
        }
    }
}

/// See `BackupStore::keep`.
pub(super) async fn keep(
    folder: &Folder,
    new: &NewBackup,
    block: u64,
    mut from: Box<dyn VolumeBytes>,
) -> Result<KeptBackup, BackupError> {
    let (folder, new, size) = (folder.clone(), new.clone(), from.size().0);
    let begun = blocking("begin a backup", move || begin(folder, new, size, block)).await?;
    let mut keeping = match begun {
        Begun::There(kept) => return Ok(kept),
        Begun::New(keeping) => keeping,
    };
    let piece = (PIECE / block).max(1) * block;
    let mut at = 0;
    while let Some((offset, length)) = from.next_data(at).await? {
        // Whole blocks: what is read twice where runs share a block is read once.
        let mut next = (offset / block * block).max(at);
        let end = offset.saturating_add(length).div_ceil(block).saturating_mul(block).min(size);
        while next < end {
            let bytes = from.read(next, piece.min(end - next)).await?;
            let read = bytes.len() as u64;
            keeping = blocking("write a backup", move || {
                keeping.take(next, &bytes).map_err(failed("write a backup"))?;
                Ok(keeping)
            })
            .await?;
            next += read;
        }
        at = end;
        if at >= size {
            break;
        }
    }
    from.close().await?;
    blocking("finish a backup", move || keeping.finish()).await
}

enum Begun {
    There(KeptBackup),
    New(Box<Keeping>),
}

fn begin(folder: Folder, new: NewBackup, size: u64, block: u64) -> Result<Begun, BackupError> {
    let doing = "begin a backup";
    if let Some(head) = folder.whole(new.backup)? {
        return Ok(Begun::There(head.kept()));
    }
    let (parent, mut sources) = match new.parent {
        None => (None, Vec::new()),
        Some(parent) => {
            let head = folder.whole(parent)?.ok_or_else(|| parent_is_gone(parent))?;
            if head.volume != new.volume || head.block != block {
                return Err(BackupError::Conflict(format!(
                    "backup {parent} is of another volume, or has blocks of {}: make a full backup",
                    Bytes(head.block)
                )));
            }
            let mut table = folder.table(&head)?;
            let first = table.next().map_err(failed(doing))?;
            (Some((table, first)), head.sources)
        }
    };
    // What this one needs of them is found block by block.
    sources.iter_mut().for_each(|source| source.needed = 0);
    sources.push(Source { backup: new.backup, needed: 0 });
    let path = folder.incoming(new.backup);
    let opened = remove_all(&path)
        .and_then(|()| fs::DirBuilder::new().mode(0o700).create(&path))
        .and_then(|()| Ok((File::create(path.join("data"))?, File::create(path.join("blocks"))?)));
    let (data, table) = opened.map_err(failed(doing))?;
    let (data, table) = (BufWriter::new(data), TableWriter::new(table));
    let incoming = Incoming { path, is_named: false };
    let keeping = Keeping { folder, new, incoming, size, block, parent, sources, data, table };
    Ok(Begun::New(Box::new(keeping)))
}

impl Keeping {
    /// Takes blocks that follow each other; `offset` is where the first begins.
    fn take(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let block = usize::try_from(self.block).unwrap_or(usize::MAX);
        for (number, bytes) in (offset / self.block..).zip(bytes.chunks(block)) {
            if bytes.iter().any(|byte| *byte != 0) {
                self.take_one(number, bytes)?;
            }
        }
        Ok(())
    }

    fn take_one(&mut self, block: u64, bytes: &[u8]) -> io::Result<()> {
        let sha256: [u8; 32] = Sha256::digest(bytes).into();
        let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        let entry = match self.in_parent(block)? {
            Some(same) if same.sha256 == sha256 && same.length == length => same,
            Some(_) | None => {
                let own = self.sources.len() - 1;
                let offset = self.sources[own].needed;
                self.data.write_all(bytes)?;
                let source = u32::try_from(own).unwrap_or(u32::MAX);
                Entry { block, source, length, offset, sha256 }
            }
        };
        let end = entry.offset + u64::from(entry.length);
        let source = usize::try_from(entry.source).ok().and_then(|at| self.sources.get_mut(at));
        let source = source.ok_or_else(|| io::Error::other("a block names no source"))?;
        source.needed = source.needed.max(end);
        self.table.push(&entry)
    }

    /// The parent's block of this number. Numbers only grow.
    fn in_parent(&mut self, block: u64) -> io::Result<Option<Entry>> {
        let Some((table, next)) = &mut self.parent else {
            return Ok(None);
        };
        while next.is_some_and(|entry| entry.block < block) {
            *next = table.next()?;
        }
        Ok(next.filter(|entry| entry.block == block))
    }

    fn finish(self: Box<Self>) -> Result<KeptBackup, BackupError> {
        let doing = "make a backup durable";
        let Self { folder, new, mut incoming, size, block, sources, mut data, table, .. } = *self;
        data.flush().and_then(|()| data.get_ref().sync_all()).map_err(failed(doing))?;
        let (blocks, table_sha256) = table.seal().map_err(failed(doing))?;
        let head = Head {
            version: VERSION,
            backup: new.backup,
            volume: new.volume,
            size,
            block,
            sources,
            blocks,
            table_sha256,
        };
        write_record(&incoming.path.join("backup.json"), &head)
            .and_then(|()| sync_folder(&incoming.path))
            .map_err(failed(doing))?;
        folder.publish(&head)?;
        incoming.is_named = true;
        Ok(head.kept())
    }
}

/// Off the threads that must not wait.
pub(super) async fn blocking<T: Send + 'static>(
    doing: &'static str,
    work: impl FnOnce() -> Result<T, BackupError> + Send + 'static,
) -> Result<T, BackupError> {
    let done = spawn_blocking(work).await;
    done.unwrap_or_else(|error| Err(failed(doing)(io::Error::other(error))))
}
