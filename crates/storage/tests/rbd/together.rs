//! Many agents remove one image from the trash at the same moment, in one process and in two: it goes once, and all of them live on.

use crate::fixture::{cinder, cinder_at, on, process};
use crate::volumes::Cloud;
use hatchery_ports::volume_backend::VolumeBackend;
use hatchery_storage::{RbdImageSource, RbdVolumeBackend, RbdVolumeSettings};
use hatchery_testkit::CephCluster;
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Lines, Write};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

const CONF: &str = "HATCHERY_TEST_SWEEPS_WITH";
const ROUNDS: u32 = 40;
/// Sweeps at the same time in each process.
const CROWD: usize = 3;
/// Small objects: removing them takes long enough for two to meet.
const ORDER: u8 = 16;

/// Another host's agent.
struct Other {
    process: Child,
    orders: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
}

impl Other {
    fn start(ceph: &CephCluster) -> Self {
        let mut process = process("together::other", CONF, ceph.conf());
        let mut process = process.stdin(Stdio::piped()).spawn().unwrap();
        let orders = process.stdin.take().unwrap();
        let answers = BufReader::new(process.stdout.take().unwrap()).lines();
        Self { process, orders, answers }
    }

    fn answers(&mut self, what: &str) {
        let mut lines = self.answers.by_ref().map_while(Result::ok);
        assert!(lines.any(|line| line.contains(what)), "the other one has died");
    }
}

async fn sweep(volumes: &RbdVolumeBackend) {
    let all = (0..CROWD).map(|_| volumes.sweep());
    futures_util::future::try_join_all(all).await.unwrap();
}

/// Not a test by itself: the other host's agent.
#[tokio::test(flavor = "multi_thread")]
async fn other() {
    let Ok(conf) = std::env::var(CONF) else { return };
    let volumes = RbdVolumeBackend::new(RbdVolumeSettings {
        rbd_pool: "volumes".to_owned(),
        ..RbdVolumeSettings::new("ceph", cinder_at(conf), RbdImageSource::default())
    });
    println!("it is there");
    for line in std::io::stdin().lines() {
        line.unwrap();
        sweep(&volumes).await;
        println!("it has swept");
    }
}

/// An image in the trash that somebody has begun to remove.
async fn begin_removal(cloud: &Cloud) {
    let name = format!("volume-{}", cloud.volume(1));
    let client = cinder(cloud.ceph);
    let made = on(&client, move |ceph| {
        let pool = ceph.pool("volumes")?;
        pool.create(&name, 64 << 20, ORDER)?;
        let image = pool.open(&name)?;
        image.write(0, &vec![7; 8 << 20])?;
        let id = image.id()?;
        image.close()?;
        pool.set_note(&format!("hatchery.removing.{id}"), &name)?;
        pool.move_to_trash(&name)
    });
    made.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn all_who_remove_an_image_at_the_same_moment_live() {
    let test = "all_who_remove_an_image_at_the_same_moment_live";
    let Some(cloud) = Cloud::new(test, 0x77, |_| {}) else { return };
    let mut other = Other::start(cloud.ceph);
    other.answers("it is there");
    for round in 0..ROUNDS {
        begin_removal(&cloud).await;
        writeln!(other.orders).unwrap();
        sweep(&cloud.volumes).await;
        other.answers("it has swept");
        assert_eq!(cloud.left().await, BTreeSet::new(), "round {round}");
    }
    drop(other.orders);
    assert!(other.process.wait().unwrap().success());
}
