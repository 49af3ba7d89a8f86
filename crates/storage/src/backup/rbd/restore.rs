//! Gives back what a backup kept, after all of it was compared with its checksum.

use super::super::folder::damaged;
use super::record::{self, Record};
use super::seal::{BLOCK, Seal, is_zero};
use super::store::RbdBackupStore;
use crate::rbd::{OpenImage, RbdPool};
use crate::volume::rbd::Runs;
use bytes::Bytes as Chunk;
use hatchery_model::id::BackupId;
use hatchery_model::units::Bytes;
use hatchery_ports::backup_store::BackupError;
use hatchery_ports::volume_backend::VolumeBytes;

/// A backup's bytes where it has some, from the start.
struct Reading {
    image: OpenImage,
    size: u64,
    chunk: u64,
    runs: Runs,
    at: u64,
}

/// See `BackupStore::restore`.
pub(super) async fn restore(
    store: &RbdBackupStore,
    backup: BackupId,
    mut into: Box<dyn VolumeBytes>,
) -> Result<Bytes, BackupError> {
    let (room, chunk) = (into.size().0, store.chunk());
    let record = store.run(move |pool| find(pool, backup, room)).await?;
    let checked = record.clone();
    let mut reading = store
        .run(move |pool| {
            check(&mut Reading::open(pool, &checked, chunk)?, &checked)?;
            Reading::open(pool, &checked, chunk)
        })
        .await?;
    let mut written = 0;
    loop {
        let (back, piece) =
            store.run(move |_| reading.next().map(|piece| (reading, piece))).await?;
        reading = back;
        let Some((offset, bytes)) = piece else { break };
        if !bytes.chunks(BLOCK as usize).all(is_zero) {
            written += bytes.len() as u64;
            into.write(offset, Chunk::from(bytes)).await?;
        }
    }
    into.close().await?;
    store.run(move |_| reading.image.close()).await?;
    Ok(Bytes(written))
}

fn find(pool: &RbdPool, backup: BackupId, room: u64) -> Result<Record, BackupError> {
    let record = record::whole(pool, backup)?
        .ok_or_else(|| BackupError::NotFound(format!("backup {backup} is not in the store")))?;
    if record.size > room {
        return Err(BackupError::Invalid(format!(
            "backup {backup} is of a volume of {}, and this one has {}",
            Bytes(record.size),
            Bytes(room)
        )));
    }
    Ok(record)
}

fn check(reading: &mut Reading, record: &Record) -> Result<(), BackupError> {
    let mut seal = Seal::default();
    while let Some((offset, bytes)) = reading.next()? {
        seal.take(offset, &bytes);
    }
    if seal.finish() != record.seal {
        return Err(damaged(record.backup, "its bytes have another checksum than those kept"));
    }
    Ok(())
}

impl Reading {
    fn open(pool: &RbdPool, record: &Record, chunk: u64) -> Result<Self, BackupError> {
        let snapshot = record::snapshot(record.backup);
        let image = pool.open_to_read(&record.image, Some(&snapshot))?;
        // A snapshot of before the volume grew is shorter than the image.
        let size = record.size.min(image.size()?);
        if size < record.size {
            return Err(damaged(record.backup, "its snapshot is too short"));
        }
        Ok(Self { image, size, chunk, runs: Runs::from(0), at: 0 })
    }

    /// The next blocks that have data.
    fn next(&mut self) -> Result<Option<(u64, Vec<u8>)>, BackupError> {
        let Some((offset, length)) = self.runs.next(&self.image, self.at, self.size)? else {
            return Ok(None);
        };
        let start = (offset / BLOCK * BLOCK).max(self.at);
        let end = (offset + length).div_ceil(BLOCK) * BLOCK;
        let end = end.min(start + self.chunk).min(self.size);
        let mut bytes = vec![0; (end - start) as usize];
        self.image.read(start, &mut bytes)?;
        self.at = end;
        Ok(Some((start, bytes)))
    }
}
