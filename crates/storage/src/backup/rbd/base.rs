//! The image that a backup is written into: it holds what the last one held, and gets what has changed. All of this blocks.

use super::seal::{BLOCK, Seal, is_zero};
use super::{record, record::Record};
use crate::rbd::removal::{remove_name, take_away};
use crate::rbd::{CephError, NamedImage, OpenImage, RbdPool};
use hatchery_model::id::BackupId;
use hatchery_model::volume::NewBackup;
use hatchery_ports::backup_store::BackupError;

/// Objects of 2^22 bytes, as Ceph's own.
pub(super) const OBJECT_ORDER: u8 = 22;
const OBJECT: u64 = 1 << OBJECT_ORDER;

/// See the head of this file.
pub(super) struct Base {
    pub(super) name: String,
    image: OpenImage,
    /// Holds nothing yet, so that nothing has to be compared with it.
    is_new: bool,
    seal: Seal,
    stored: u64,
}

impl Base {
    /// Of a full backup. What an earlier try has left goes.
    pub(super) fn create(pool: &RbdPool, new: &NewBackup, size: u64) -> Result<Self, BackupError> {
        let name = record::image(new.volume, new.backup);
        remove(pool, &name)?;
        pool.create(&name, size, OBJECT_ORDER)?;
        let image = pool.open(&name)?;
        Ok(Self { name, image, is_new: true, seal: Seal::default(), stored: 0 })
    }

    /// The parent's image. It may hold more than the parent by now, of a later backup or of a try that was cut off: what it holds is looked at.
    pub(super) fn open(pool: &RbdPool, parent: &Record, size: u64) -> Result<Self, BackupError> {
        let image = pool.open(&parent.image)?;
        image.grow(size)?;
        let name = parent.image.clone();
        Ok(Self { name, image, is_new: false, seal: Seal::default(), stored: 0 })
    }

    /// Has zeros there, without a byte being written where there are some.
    pub(super) fn clear(&mut self, offset: u64, length: u64) -> Result<(), CephError> {
        if self.is_new {
            return Ok(());
        }
        for one in self.image.extents(None, (offset, length), true)? {
            self.zero(one.offset, one.offset + one.length)?;
        }
        Ok(())
    }

    /// Whole objects are discarded; of parts, clusters may leave out some.
    fn zero(&self, mut from: u64, end: u64) -> Result<(), CephError> {
        let zeroes = vec![0; OBJECT as usize];
        while from < end {
            let next = (from / OBJECT * OBJECT + OBJECT).min(end);
            let length = next - from;
            match length {
                OBJECT => self.image.discard(from, length)?,
                _ => self.image.write(from, &zeroes[..length as usize])?,
            }
            from = next;
        }
        Ok(())
    }

    /// Takes whole blocks that follow those taken before, and writes those that differ, neighbours together.
    pub(super) fn take(&mut self, offset: u64, bytes: &[u8]) -> Result<(), CephError> {
        self.seal.take(offset, bytes);
        let mut there = vec![0; bytes.len()];
        if !self.is_new {
            self.image.read(offset, &mut there)?;
        }
        let block = BLOCK as usize;
        let (mut start, mut at) = (None, 0);
        for (new, old) in bytes.chunks(block).zip(there.chunks(block)) {
            match (new != old, start) {
                (true, None) => start = Some(at),
                (false, Some(from)) => {
                    self.image.write(offset + from as u64, &bytes[from..at])?;
                    start = None;
                }
                (true, Some(_)) | (false, None) => {}
            }
            if new != old && !is_zero(new) {
                self.stored += new.len() as u64;
            }
            at += new.len();
        }
        match start {
            Some(from) => self.image.write(offset + from as u64, &bytes[from..]),
            None => Ok(()),
        }
    }

    /// Makes it durable as this backup. Gives what was written for it, and its seal.
    pub(super) fn finish(self, backup: BackupId) -> Result<(u64, String), BackupError> {
        self.image.flush()?;
        let name = record::snapshot(backup);
        // Of an earlier try, at another moment.
        if self.image.snapshots()?.iter().any(|one| one.name == name) {
            self.image.remove_snapshot(&name)?;
        }
        self.image.snapshot(&name)?;
        self.image.close()?;
        Ok((self.stored, self.seal.finish()))
    }
}

/// Leaves nothing of an image, whatever an earlier try has left.
pub(super) fn remove(pool: &RbdPool, name: &str) -> Result<(), BackupError> {
    let Some(image) = pool.find(name)? else { return Ok(remove_name(pool, name)?) };
    let snapshots = image.snapshots()?;
    let named = NamedImage { id: image.id()?, name: name.to_owned() };
    drop(image);
    if !snapshots.is_empty() {
        let image = pool.open(name)?;
        snapshots.iter().try_for_each(|one| image.remove_snapshot(&one.name))?;
        image.close()?;
    }
    Ok(take_away(pool, &named)?)
}
