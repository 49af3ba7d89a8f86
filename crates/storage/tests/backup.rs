//! Backups in a folder: damage, crashes and a full disk.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

use async_trait::async_trait;
use bytes::Bytes as Chunk;
use hatchery_model::id::{BackupId, VolumeId};
use hatchery_model::units::Bytes;
use hatchery_model::volume::NewBackup;
use hatchery_ports::backup_store::{BackupError, BackupStore};
use hatchery_ports::volume_backend::{VolumeBytes, VolumeError};
use hatchery_storage::{FolderBackupSettings, FolderBackupStore};
use nix::mount::{MsFlags, mount, umount};
use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tempfile::TempDir;
use uuid::Uuid;

const SIZE: u64 = 8 << 20;

/// A volume without a zero in it, that ends after some reads, and counts what is written to it.
struct Volume {
    byte: u8,
    reads_left: u64,
    written: Arc<AtomicU64>,
}

fn volume(byte: u8) -> Box<dyn VolumeBytes> {
    Box::new(Volume { byte, reads_left: u64::MAX, written: Arc::default() })
}

#[async_trait]
impl VolumeBytes for Volume {
    fn size(&self) -> Bytes {
        Bytes(SIZE)
    }

    async fn next_data(&mut self, offset: u64) -> Result<Option<(u64, u64)>, VolumeError> {
        Ok((offset < SIZE).then_some((offset, SIZE - offset)))
    }

    async fn read(&mut self, _: u64, length: u64) -> Result<Chunk, VolumeError> {
        self.reads_left = self
            .reads_left
            .checked_sub(1)
            .ok_or_else(|| VolumeError::Conflict("the volume has gone".to_owned()))?;
        Ok(Chunk::from(vec![self.byte; usize::try_from(length).unwrap()]))
    }

    async fn write(&mut self, _: u64, data: Chunk) -> Result<(), VolumeError> {
        self.written.fetch_add(data.len() as u64, Ordering::SeqCst);
        Ok(())
    }

    async fn close(self: Box<Self>) -> Result<(), VolumeError> {
        Ok(())
    }
}

fn backup(number: u128) -> BackupId {
    BackupId(Uuid::from_u128(number))
}

fn new(number: u128, parent: Option<u128>) -> NewBackup {
    let volume = VolumeId(Uuid::from_u128(1));
    NewBackup {
        backup: backup(number),
        volume,
        snapshot: None,
        parent: parent.map(backup),
        live: false,
    }
}

fn open(folder: &Path) -> FolderBackupStore {
    let folder = folder.join("backups");
    FolderBackupStore::open(&FolderBackupSettings { folder, block: Bytes(64 << 10) }).unwrap()
}

fn store() -> (TempDir, FolderBackupStore) {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    (folder, store)
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder.join("backups")).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.retain(|name| name != ".lock");
    names.sort();
    names
}

async fn restore(store: &FolderBackupStore, number: u128) -> (Result<Bytes, BackupError>, u64) {
    let written = Arc::<AtomicU64>::default();
    let into = Box::new(Volume { byte: 0, reads_left: 0, written: written.clone() });
    let restored = store.restore(backup(number), into).await;
    (restored, written.load(Ordering::SeqCst))
}

#[tokio::test]
async fn a_damaged_block_goes_nowhere() {
    let (folder, store) = store();
    store.keep(&new(1, None), volume(1)).await.unwrap();
    store.keep(&new(2, Some(1)), volume(1)).await.unwrap();
    assert!(matches!(restore(&store, 2).await, (Ok(Bytes(SIZE)), SIZE)));
    let data = folder.path().join("backups").join(backup(1).to_string()).join("data");
    let file = OpenOptions::new().write(true).open(&data).unwrap();
    file.write_all_at(&[7], SIZE - 1).unwrap();
    for number in [1, 2] {
        // What came before it may be written: the volume is not closed, so it is not a restored one.
        let (restored, written) = restore(&store, number).await;
        match restored {
            Err(BackupError::Invalid(text)) => {
                assert!(text.contains("block 127 has another checksum"), "{text}");
            }
            other => panic!("{other:?}"),
        }
        assert!(written < SIZE, "{written}");
    }
}

#[tokio::test]
async fn what_is_not_whole_is_refused_before_anything_is_written() {
    let (folder, store) = store();
    store.keep(&new(1, None), volume(1)).await.unwrap();
    store.keep(&new(2, Some(1)), volume(1)).await.unwrap();
    let one = folder.path().join("backups").join(backup(1).to_string());
    let blocks = one.join("blocks");
    let kept = fs::read(&blocks).unwrap();
    let mut changed = kept.clone();
    changed[30] ^= 1;
    fs::write(&blocks, &changed).unwrap();
    let (restored, written) = restore(&store, 1).await;
    assert!(matches!(restored, Err(BackupError::Invalid(_))), "{restored:?}");
    assert_eq!(written, 0);
    // Nothing is made on top of it either.
    let error = store.keep(&new(3, Some(1)), volume(2)).await.unwrap_err();
    assert!(matches!(error, BackupError::Invalid(_)), "{error:?}");
    fs::write(&blocks, kept).unwrap();

    let file = OpenOptions::new().write(true).open(one.join("data")).unwrap();
    file.set_len(SIZE - 1).unwrap();
    for number in [1, 2] {
        let (restored, written) = restore(&store, number).await;
        assert!(restored.is_err() && written == 0, "{restored:?}");
        assert!(store.find(backup(number)).await.is_err());
    }
    fs::remove_dir_all(&one).unwrap();
    let (restored, written) = restore(&store, 2).await;
    match restored {
        Err(BackupError::NotFound(text)) => {
            assert!(text.contains(&backup(1).to_string()), "{text}");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(written, 0);
    assert_eq!(names(folder.path()), [backup(2).to_string()]);
}

#[tokio::test]
async fn what_was_cut_off_leaves_nothing_and_can_be_repeated() {
    let (folder, store) = store();
    let gone = Box::new(Volume { byte: 1, reads_left: 1, written: Arc::default() });
    let error = store.keep(&new(1, None), gone).await.unwrap_err();
    assert!(matches!(error, BackupError::Volume(VolumeError::Conflict(_))), "{error:?}");
    assert_eq!(names(folder.path()), Vec::<String>::new());
    // Killed while it was made, and while it was removed.
    let leave = |name: &str| {
        let path = folder.path().join("backups").join(format!("{name}{}", backup(1)));
        fs::create_dir(&path).unwrap();
        fs::write(path.join("data"), b"half").unwrap();
    };
    leave(".new-");
    let kept = store.keep(&new(1, None), volume(1)).await.unwrap();
    assert_eq!(kept.stored, Bytes(SIZE));
    assert_eq!(names(folder.path()), [backup(1).to_string()]);
    leave(".gone-");
    leave(".new-");
    store.remove(backup(1)).await.unwrap();
    assert_eq!(names(folder.path()), Vec::<String>::new());
    leave(".gone-");
    store.remove(backup(1)).await.unwrap();
    assert_eq!(names(folder.path()), Vec::<String>::new());
}

/// Unmounts, whatever happens.
struct Mounted<'a>(&'a Path);

impl Drop for Mounted<'_> {
    fn drop(&mut self) {
        if let Err(error) = umount(self.0) {
            eprintln!("{} stays mounted: {error}", self.0.display());
        }
    }
}

#[tokio::test]
async fn a_full_disk_costs_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (at, kind) = (folder.path(), Some("tmpfs"));
    mount(kind, at, kind, MsFlags::empty(), Some("size=12m")).unwrap();
    let _mounted = Mounted(at);
    let store = open(at);
    store.keep(&new(1, None), volume(1)).await.unwrap();
    let error = store.keep(&new(2, Some(1)), volume(2)).await.unwrap_err();
    assert!(matches!(error, BackupError::Exhausted(_)), "{error:?}");
    assert_eq!(names(at), [backup(1).to_string()]);
    assert!(matches!(restore(&store, 1).await, (Ok(Bytes(SIZE)), SIZE)));
    store.remove(backup(1)).await.unwrap();
    store.keep(&new(2, None), volume(2)).await.unwrap();
}
