//! What every backup store must do.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a suite fails by panicking")]

use crate::backup_store::{BackupError, BackupStore};
use crate::volume_backend::{VolumeBytes, VolumeError};
use async_trait::async_trait;
use bytes::Bytes as Chunk;
use hatchery_model::id::{BackupId, VolumeId};
use hatchery_model::units::Bytes;
use hatchery_model::volume::NewBackup;
use std::sync::{Arc, Mutex};
use uuid::Uuid;

/// Of the volumes that are kept: no whole number of blocks.
const SIZE: usize = (5 << 20) + 512;

/// Bytes in memory, which are what they were until they are closed.
struct Memory {
    bytes: Vec<u8>,
    kept: Arc<Mutex<Vec<u8>>>,
}

impl Memory {
    fn of(kept: &Arc<Mutex<Vec<u8>>>) -> Box<dyn VolumeBytes> {
        Box::new(Self { bytes: kept.lock().unwrap().clone(), kept: kept.clone() })
    }
}

#[async_trait]
impl VolumeBytes for Memory {
    fn size(&self) -> Bytes {
        Bytes(self.bytes.len() as u64)
    }

    async fn next_data(&mut self, offset: u64) -> Result<Option<(u64, u64)>, VolumeError> {
        let from = usize::try_from(offset).unwrap();
        let first = self.bytes[from..].iter().position(|byte| *byte != 0);
        Ok(first.map(|first| {
            let data = &self.bytes[from + first..];
            let length = data.iter().position(|byte| *byte == 0).unwrap_or(data.len());
            (offset + first as u64, length as u64)
        }))
    }

    async fn read(&mut self, offset: u64, length: u64) -> Result<Chunk, VolumeError> {
        let (from, length) = (usize::try_from(offset).unwrap(), usize::try_from(length).unwrap());
        Ok(Chunk::copy_from_slice(&self.bytes[from..from + length]))
    }

    async fn write(&mut self, offset: u64, data: Chunk) -> Result<(), VolumeError> {
        let from = usize::try_from(offset).unwrap();
        self.bytes[from..from + data.len()].copy_from_slice(&data);
        Ok(())
    }

    async fn close(self: Box<Self>) -> Result<(), VolumeError> {
        *self.kept.lock().unwrap() = self.bytes;
        Ok(())
    }
}

fn backup(number: u128) -> BackupId {
    BackupId(Uuid::from_u128(0x5000 + number))
}

fn new(number: u128, parent: Option<u128>) -> NewBackup {
    NewBackup {
        backup: backup(number),
        volume: VolumeId(Uuid::from_u128(1)),
        snapshot: None,
        parent: parent.map(backup),
        live: false,
    }
}

fn memory(bytes: Vec<u8>) -> Arc<Mutex<Vec<u8>>> {
    Arc::new(Mutex::new(bytes))
}

/// Data at the start, in the middle and at the very end.
fn volume() -> Vec<u8> {
    let mut bytes = vec![0; SIZE];
    for (at, byte) in [(0, 1), (2 << 20, 2), (SIZE - 1, 3)] {
        bytes[at] = byte;
    }
    bytes[3 << 20..4 << 20].fill(4);
    bytes
}

async fn restored<B: BackupStore>(store: &B, number: u128, size: usize) -> Vec<u8> {
    let into = memory(vec![0; size]);
    store.restore(backup(number), Memory::of(&into)).await.unwrap();
    into.lock().unwrap().clone()
}

/// Runs every case, each on a store of its own.
pub async fn run<B: BackupStore>(mut make: impl FnMut() -> B) {
    what_was_kept_is_given_back(&make()).await;
    only_what_has_changed_is_kept_again(&make()).await;
    what_others_go_on_from_stays(&make()).await;
    what_does_not_fit_is_refused(&make()).await;
}

async fn what_was_kept_is_given_back<B: BackupStore>(store: &B) {
    let from = memory(volume());
    let kept = store.keep(&new(1, None), Memory::of(&from)).await.unwrap();
    assert_eq!(kept.size, Bytes(SIZE as u64));
    assert!(kept.stored >= Bytes(1 << 20) && kept.stored < kept.size, "{kept:?}");
    // Again, when the volume holds something else: it is there, and stays what it is.
    from.lock().unwrap()[0] = 9;
    assert_eq!(store.keep(&new(1, None), Memory::of(&from)).await.unwrap(), kept);
    assert_eq!(store.find(backup(1)).await.unwrap(), Some(kept));
    assert_eq!(store.list().await.unwrap(), [backup(1)]);
    let mut larger = volume();
    larger.resize(SIZE * 2, 0);
    assert_eq!(restored(store, 1, SIZE).await, volume());
    assert_eq!(restored(store, 1, SIZE * 2).await, larger);
    // Nothing but zeros is a backup too.
    let nothing = store.keep(&new(2, None), Memory::of(&memory(vec![0; SIZE]))).await.unwrap();
    assert_eq!(nothing.stored, Bytes(0));
    assert_eq!(restored(store, 2, SIZE).await, vec![0; SIZE]);
}

async fn only_what_has_changed_is_kept_again<B: BackupStore>(store: &B) {
    let from = memory(volume());
    let first = store.keep(&new(1, None), Memory::of(&from)).await.unwrap();
    let same = store.keep(&new(2, Some(1)), Memory::of(&from)).await.unwrap();
    assert_eq!(same.stored, Bytes(0));
    {
        let mut bytes = from.lock().unwrap();
        // Changed, gone, and new; the volume has grown.
        bytes[2 << 20] = 7;
        bytes[0] = 0;
        bytes.resize(SIZE + (2 << 20), 0);
        bytes[SIZE + (1 << 20)] = 8;
    }
    let third = store.keep(&new(3, Some(2)), Memory::of(&from)).await.unwrap();
    assert!(third.stored > Bytes(0) && third.stored < first.stored, "{third:?} {first:?}");
    let now = from.lock().unwrap().clone();
    assert_eq!(restored(store, 3, now.len()).await, now);
    assert_eq!(restored(store, 2, SIZE).await, volume());
}

async fn what_others_go_on_from_stays<B: BackupStore>(store: &B) {
    let from = memory(volume());
    store.keep(&new(1, None), Memory::of(&from)).await.unwrap();
    store.keep(&new(2, Some(1)), Memory::of(&from)).await.unwrap();
    from.lock().unwrap()[0] = 5;
    store.keep(&new(3, Some(2)), Memory::of(&from)).await.unwrap();
    let now = from.lock().unwrap().clone();
    let error = store.remove(backup(1)).await.unwrap_err();
    assert!(matches!(error, BackupError::Conflict(_)), "{error:?}");
    assert_eq!(restored(store, 3, SIZE).await, now);
    for number in [3, 2, 1] {
        for _ in 0..2 {
            store.remove(backup(number)).await.unwrap();
            assert_eq!(store.find(backup(number)).await.unwrap(), None);
        }
    }
    assert_eq!(store.list().await.unwrap(), []);
}

async fn what_does_not_fit_is_refused<B: BackupStore>(store: &B) {
    let from = memory(volume());
    let error = store.keep(&new(2, Some(1)), Memory::of(&from)).await.unwrap_err();
    assert!(matches!(error, BackupError::NotFound(_)), "{error:?}");
    store.keep(&new(1, None), Memory::of(&from)).await.unwrap();
    let other = NewBackup { volume: VolumeId(Uuid::from_u128(2)), ..new(2, Some(1)) };
    let error = store.keep(&other, Memory::of(&from)).await.unwrap_err();
    assert!(matches!(error, BackupError::Conflict(_)), "{error:?}");
    let small = memory(vec![6; SIZE - 1]);
    let error = store.restore(backup(1), Memory::of(&small)).await.unwrap_err();
    assert!(matches!(error, BackupError::Invalid(_)), "{error:?}");
    let error = store.restore(backup(9), Memory::of(&from)).await.unwrap_err();
    assert!(matches!(error, BackupError::NotFound(_)), "{error:?}");
    assert!(small.lock().unwrap().iter().all(|byte| *byte == 6));
    assert_eq!(store.list().await.unwrap(), [backup(1)]);
}
