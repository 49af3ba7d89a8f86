//! A process that works on volumes is killed at any moment: what it leaves is whole when it is made again, and gone when it is removed.

use crate::fixture::{cinder_at, on, process, settings, until};
use bytes::Bytes as Chunk;
use hatchery_model::id::{SnapshotId, VolumeId};
use hatchery_model::units::Bytes;
use hatchery_model::volume::{NewVolume, VolumeContent};
use hatchery_ports::volume_backend::{Opened, VolumeBackend, VolumeError};
use hatchery_storage::rbd::{CephClient, CephSettings};
use hatchery_storage::{RbdImageSource, RbdVolumeBackend, RbdVolumeSettings};
use hatchery_testkit::CephCluster;
use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::time::Duration;
use uuid::Uuid;

const CONF: &str = "HATCHERY_TEST_KILLED_WITH";
const STEP: &str = "a step is done";
const KILLS: u64 = 18;
const SIZE: Bytes = Bytes::from_mib(16);

fn volume(number: u128) -> VolumeId {
    VolumeId(Uuid::from_u128(number))
}

fn snapshot() -> SnapshotId {
    SnapshotId(Uuid::from_u128(99))
}

fn backend(ceph: CephSettings) -> RbdVolumeBackend {
    RbdVolumeBackend::new(RbdVolumeSettings {
        rbd_pool: "volumes".to_owned(),
        max_clone_depth: 2,
        retries: 40,
        retry_interval: Duration::from_millis(250),
        ..RbdVolumeSettings::new(
            "ceph",
            ceph,
            RbdImageSource { pool: Some("images".to_owned()), files: None },
        )
    })
}

async fn make(on: &RbdVolumeBackend, number: u128, content: VolumeContent) {
    let new = NewVolume { volume: volume(number), size: SIZE, content, holds_image: false };
    done(async || on.create(&new).await.map(drop)).await;
}

/// Again while the lock of a killed client stands in the way.
async fn done(mut call: impl AsyncFnMut() -> Result<(), VolumeError>) {
    until("an end of the killed one's lock", async || match call().await {
        Err(VolumeError::Conflict(_)) => None,
        done => {
            done.unwrap();
            Some(())
        }
    })
    .await;
    println!("{STEP}");
}

/// A volume, its snapshot, and a family of what was made of both.
async fn make_all(on: &RbdVolumeBackend) {
    make(on, 1, VolumeContent::Empty).await;
    done(async || {
        let mut open = on.open(Opened::ForWriting(volume(1))).await?;
        open.write(0, Chunk::from(vec![7; 1 << 20])).await?;
        open.close().await
    })
    .await;
    done(async || on.snapshot(volume(1), snapshot()).await.map(drop)).await;
    make(on, 2, VolumeContent::Snapshot(volume(1), snapshot())).await;
    for number in 3..=5 {
        make(on, number, VolumeContent::Volume(volume(number - 1))).await;
    }
}

async fn remove_all(on: &RbdVolumeBackend) {
    done(async || on.remove_snapshot(volume(1), snapshot()).await).await;
    for number in [1, 3, 2, 5, 4] {
        done(async || on.remove(volume(number)).await).await;
    }
}

/// What Ceph says of all of them, for whoever has to find out why one is not what it should be.
fn family(ceph: &CephCluster) -> String {
    let of = |number| {
        let name = format!("volume-{}", volume(number));
        let snapshots = ceph.rbd(&["-p", "volumes", "snap", "ls", "--all", &name]);
        format!("{}{snapshots}", ceph.rbd(&["-p", "volumes", "info", &name]))
    };
    let objects = ceph.rbd(&["-p", "volumes", "ls", "--long"]);
    (1..=5).map(of).chain([objects]).collect()
}

/// Not a test by itself: the process that is killed.
#[tokio::test(flavor = "multi_thread")]
async fn child() {
    let Ok(conf) = std::env::var(CONF) else { return };
    let volumes = backend(cinder_at(conf));
    loop {
        make_all(&volumes).await;
        remove_all(&volumes).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_is_killed_at_any_moment_leaves_nothing_half_made() {
    let test = "a_process_that_is_killed_at_any_moment_leaves_nothing_half_made";
    let Some(ceph) = CephCluster::start(test) else { return };
    // Else a killed client keeps others waiting for 30 seconds. Longer than the time between two ticks: a client that lives keeps its watches.
    ceph.ceph(&["tell", "osd.0", "config", "set", "osd_client_watch_timeout", "3"]);
    let volumes = backend(settings(&ceph, "cinder"));
    let client = CephClient::of(settings(&ceph, "cinder"));
    for kill in 0..KILLS {
        let mut child = process("kill::child", CONF, ceph.conf());
        let mut child = child.stderr(Stdio::null()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut steps = 0;
        // Another step each time, and another moment within the next.
        while steps < kill * 5 % 13 {
            let line = lines.next().unwrap_or_else(|| panic!("the child has ended by itself"));
            steps += u64::from(line.unwrap() == STEP);
        }
        for _ in 0..kill * 7919 % 20_000_000 * 97 {
            std::hint::spin_loop();
        }
        child.kill().unwrap();
        child.wait().unwrap();
        if kill % 2 == 0 {
            make_all(&volumes).await;
            for number in 1..=5 {
                let mut open = volumes.open(Opened::Volume(volume(number))).await.unwrap();
                let byte = open.read(0, 1).await.unwrap()[0];
                assert_eq!(byte, 7, "volume {number}, kill {kill}: {}", family(&ceph));
                assert_eq!(open.size(), SIZE);
            }
        }
        remove_all(&volumes).await;
        // What the killed one still has open goes at a later look.
        until("an empty pool", async || {
            assert_eq!(volumes.list().await.unwrap(), [], "kill {kill}");
            let left = on(&client, |ceph| {
                let pool = ceph.pool("volumes")?;
                Ok((pool.list()?, pool.trash()?, pool.notes("hatchery.")?))
            });
            (left.await.unwrap() == (vec![], vec![], vec![])).then_some(())
        })
        .await;
    }
}
