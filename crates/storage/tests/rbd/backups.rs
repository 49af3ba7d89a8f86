//! Backups in a pool: the socket's suite, damage, and what a cut leaves.

use crate::contract::new_pool;
use crate::fixture::{on, settings};
use async_trait::async_trait;
use bytes::Bytes as Chunk;
use hatchery_model::id::{BackupId, VolumeId};
use hatchery_model::units::Bytes;
use hatchery_model::volume::NewBackup;
use hatchery_ports::backup_store::{BackupError, BackupStore};
use hatchery_ports::contract::backup_store;
use hatchery_ports::volume_backend::{VolumeBytes, VolumeError};
use hatchery_storage::rbd::CephClient;
use hatchery_storage::{RbdBackupSettings, RbdBackupStore};
use hatchery_testkit::CephCluster;
use std::sync::{Arc, Mutex};
use uuid::Uuid;

const SIZE: u64 = 9 << 20;
const CHUNK: u64 = 1 << 20;

fn store(ceph: &CephCluster, pool: &str) -> RbdBackupStore {
    let (ceph, pool) = (settings(ceph, "admin"), pool.to_owned());
    RbdBackupStore::new(RbdBackupSettings { ceph, pool, chunk: Bytes(CHUNK) })
}

/// A volume that may end after some reads.
struct Volume {
    bytes: Arc<Mutex<Vec<u8>>>,
    reads_left: u64,
}

fn volume(bytes: &Arc<Mutex<Vec<u8>>>, reads_left: u64) -> Box<dyn VolumeBytes> {
    Box::new(Volume { bytes: bytes.clone(), reads_left })
}

#[async_trait]
impl VolumeBytes for Volume {
    fn size(&self) -> Bytes {
        Bytes(SIZE)
    }

    async fn next_data(&mut self, offset: u64) -> Result<Option<(u64, u64)>, VolumeError> {
        Ok((offset < SIZE).then_some((offset, SIZE - offset)))
    }

    async fn read(&mut self, offset: u64, length: u64) -> Result<Chunk, VolumeError> {
        let gone = || VolumeError::Conflict("the volume has gone".to_owned());
        self.reads_left = self.reads_left.checked_sub(1).ok_or_else(gone)?;
        let (from, to) = (offset as usize, (offset + length) as usize);
        Ok(Chunk::copy_from_slice(&self.bytes.lock().unwrap()[from..to]))
    }

    async fn write(&mut self, offset: u64, data: Chunk) -> Result<(), VolumeError> {
        let (from, to) = (offset as usize, offset as usize + data.len());
        self.bytes.lock().unwrap()[from..to].copy_from_slice(&data);
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
    let (volume, parent) = (VolumeId(Uuid::from_u128(1)), parent.map(backup));
    NewBackup { backup: backup(number), volume, snapshot: None, parent, live: false }
}

fn memory(byte: u8) -> Arc<Mutex<Vec<u8>>> {
    Arc::new(Mutex::new(vec![byte; SIZE as usize]))
}

async fn restored(store: &RbdBackupStore, number: u128) -> Result<Vec<u8>, BackupError> {
    let into = memory(0);
    let done = store.restore(backup(number), volume(&into, 0)).await;
    let bytes = into.lock().unwrap().clone();
    if done.is_err() {
        assert!(bytes.iter().all(|byte| *byte == 0), "something was written");
    }
    done.map(|_| bytes)
}

/// Images, trash and notes of the pool.
async fn left(ceph: &CephCluster, pool: &str) -> usize {
    let (client, pool) = (CephClient::of(settings(ceph, "admin")), pool.to_owned());
    on(&client, move |ceph| {
        let pool = ceph.pool(&pool)?;
        Ok(pool.list()?.len() + pool.trash()?.len() + pool.notes("hatchery.")?.len())
    })
    .await
    .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pool_passes_the_suite_of_backup_stores() {
    let Some(ceph) = CephCluster::shared("a_pool_passes_the_suite_of_backup_stores") else {
        return;
    };
    let mut pools = 0..;
    backup_store::run(|| {
        let pool = new_pool(ceph, &format!("backups-{}", pools.next().unwrap()));
        store(ceph, &pool)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn damage_is_found_before_anything_is_written() {
    let test = "damage_is_found_before_anything_is_written";
    let Some(ceph) = CephCluster::shared(test) else { return };
    let pool = new_pool(ceph, "backups-damaged");
    let store = store(ceph, &pool);
    let from = memory(1);
    store.keep(&new(1, None), volume(&from, 99)).await.unwrap();
    from.lock().unwrap()[8 << 20] = 2;
    let kept = store.keep(&new(2, Some(1)), volume(&from, 99)).await.unwrap();
    assert_eq!(kept.stored, Bytes(64 << 10));
    assert_eq!(restored(&store, 2).await.unwrap(), *from.lock().unwrap());
    let image = format!("{pool}/volume-{}.backup.{}", new(1, None).volume, backup(1));
    let info = ceph.rbd(&["info", &image]);
    let prefix = info.lines().find_map(|line| line.trim().strip_prefix("block_name_prefix: "));
    let object = format!("{}.{:016x}", prefix.unwrap(), 0);
    let path = ceph.path("damage");
    std::fs::write(&path, vec![3; 4 << 20]).unwrap();
    ceph.rados(&["-p", &pool, "put", &object, path.to_str().unwrap()]);
    for number in [1, 2] {
        let error = restored(&store, number).await.unwrap_err();
        assert!(error.to_string().contains("is damaged"), "{error}");
    }
    ceph.rbd(&["snap", "rm", &format!("{image}@backup.{}.snap", backup(2))]);
    let error = store.find(backup(2)).await.unwrap_err();
    assert!(matches!(&error, BackupError::Invalid(text) if text.contains("damaged")), "{error}");
    for number in [2, 1] {
        store.remove(backup(number)).await.unwrap();
    }
    assert_eq!(left(ceph, &pool).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_cut_off_leaves_nothing_and_is_made_again() {
    let test = "what_was_cut_off_leaves_nothing_and_is_made_again";
    let Some(ceph) = CephCluster::shared(test) else { return };
    let pool = new_pool(ceph, "backups-cut");
    let store = store(ceph, &pool);
    let from = memory(1);
    for reads in [0, 1, SIZE / CHUNK - 1] {
        assert!(store.keep(&new(1, None), volume(&from, reads)).await.is_err());
        assert_eq!(left(ceph, &pool).await, 0, "{reads}");
    }
    // A process that died left an image without a record.
    let image = format!("{pool}/volume-{}.backup.{}", new(1, None).volume, backup(1));
    for again in [false, true] {
        ceph.rbd(&["create", "--size", "20M", &image]);
        ceph.rbd(&["snap", "create", &format!("{image}@backup.{}.snap", backup(1))]);
        assert_eq!(store.find(backup(1)).await.unwrap(), None);
        if again {
            store.keep(&new(1, None), volume(&from, 99)).await.unwrap();
        } else {
            store.remove(backup(1)).await.unwrap();
            assert_eq!(left(ceph, &pool).await, 0);
        }
    }
    // One that goes on is cut off when it has written half; the next goes on from what is there, and both hold what they should.
    let first = from.lock().unwrap().clone();
    from.lock().unwrap().fill(2);
    assert!(store.keep(&new(2, Some(1)), volume(&from, 5)).await.is_err());
    assert_eq!(restored(&store, 1).await.unwrap(), first);
    from.lock().unwrap()[..3 << 20].fill(0);
    let kept = store.keep(&new(2, Some(1)), volume(&from, 99)).await.unwrap();
    assert!(kept.stored <= Bytes(6 << 20), "{kept:?}");
    assert_eq!(restored(&store, 1).await.unwrap(), first);
    assert_eq!(restored(&store, 2).await.unwrap(), *from.lock().unwrap());
    for number in [2, 1] {
        store.remove(backup(number)).await.unwrap();
    }
    assert_eq!(left(ceph, &pool).await, 0);
}
