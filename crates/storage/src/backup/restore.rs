//! Gives back what a backup kept, each block compared with its checksum before it goes anywhere.

use super::error::failed;
use super::folder::{Folder, damaged};
use super::head::Head;
use super::keep::blocking;
use super::table::{Entry, TableReader};
use bytes::Bytes as Chunk;
use hatchery_model::id::BackupId;
use hatchery_model::units::Bytes;
use hatchery_ports::backup_store::BackupError;
use hatchery_ports::volume_backend::VolumeBytes;
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

/// Written in one go, at the most.
const PIECE: usize = 4 << 20;

struct Restoring {
    folder: Folder,
    head: Head,
    table: TableReader,
    next: Option<Entry>,
    /// Sources that were opened.
    files: HashMap<u32, File>,
}

/// See `BackupStore::restore`.
pub(super) async fn restore(
    folder: &Folder,
    backup: BackupId,
    mut into: Box<dyn VolumeBytes>,
) -> Result<Bytes, BackupError> {
    let (folder, room) = (folder.clone(), into.size().0);
    let mut restoring = blocking("open a backup", move || open(folder, backup, room)).await?;
    let mut written = 0;
    loop {
        let (back, piece) = blocking("read a backup", move || {
            let piece = restoring.piece()?;
            Ok((restoring, piece))
        })
        .await?;
        restoring = back;
        let Some((offset, bytes)) = piece else {
            break;
        };
        written += bytes.len() as u64;
        into.write(offset, Chunk::from(bytes)).await?;
    }
    into.close().await?;
    Ok(Bytes(written))
}

fn open(folder: Folder, backup: BackupId, room: u64) -> Result<Box<Restoring>, BackupError> {
    let head = folder
        .whole(backup)?
        .ok_or_else(|| BackupError::NotFound(format!("backup {backup} is not in the store")))?;
    if head.size > room {
        return Err(BackupError::Invalid(format!(
            "backup {backup} is of a volume of {}, and this one has {}",
            Bytes(head.size),
            Bytes(room)
        )));
    }
    let mut table = folder.table(&head)?;
    let next = table.next().map_err(failed("read a backup"))?;
    Ok(Box::new(Restoring { folder, head, table, next, files: HashMap::new() }))
}

impl Restoring {
    /// The next blocks that follow each other. `None`: all were read.
    fn piece(&mut self) -> Result<Option<(u64, Vec<u8>)>, BackupError> {
        let Some(first) = self.next else {
            return Ok(None);
        };
        let (start, mut bytes) = (first.block * self.head.block, Vec::new());
        while let Some(entry) = self.next {
            let follows = entry.block * self.head.block == start + bytes.len() as u64;
            let fits = bytes.is_empty() || bytes.len() + entry.length as usize <= PIECE;
            if !(follows && fits) {
                break;
            }
            self.read(&entry, &mut bytes)?;
            self.next = self.table.next().map_err(failed("read a backup"))?;
        }
        Ok(Some((start, bytes)))
    }

    fn read(&mut self, entry: &Entry, bytes: &mut Vec<u8>) -> Result<(), BackupError> {
        let at = bytes.len();
        bytes.resize(at + entry.length as usize, 0);
        let file = self.source(entry.source)?;
        match file.read_exact_at(&mut bytes[at..], entry.offset) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                return Err(damaged(self.head.backup, "its data is cut off"));
            }
            Err(error) => return Err(failed("read a backup")(error)),
        }
        if Sha256::digest(&bytes[at..])[..] != entry.sha256 {
            let what = format!("block {} has another checksum than was kept", entry.block);
            return Err(damaged(self.head.backup, &what));
        }
        Ok(())
    }

    fn source(&mut self, number: u32) -> Result<&File, BackupError> {
        if !self.files.contains_key(&number) {
            let source = usize::try_from(number).ok().and_then(|at| self.head.sources.get(at));
            let source =
                source.ok_or_else(|| damaged(self.head.backup, "a block names no source"))?;
            let file = File::open(self.folder.data(source.backup));
            self.files.insert(number, file.map_err(failed("open a backup"))?);
        }
        self.files.get(&number).ok_or_else(|| damaged(self.head.backup, "a block names no source"))
    }
}
