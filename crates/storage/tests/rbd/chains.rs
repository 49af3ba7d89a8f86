//! Volumes that hold an image, at the end of a chain: flattened in the background, while others are made beside them.

use crate::fixture::{cinder_at, on, process, settings, until};
use crate::volumes::Cloud;
use hatchery_model::id::ImageId;
use hatchery_model::provision::{Plan, PlanStep, Rung};
use hatchery_model::units::Bytes;
use hatchery_model::volume::{NewVolume, VolumeContent};
use hatchery_ports::volume_backend::{CreatedVolume, VolumeBackend, VolumeError};
use hatchery_storage::rbd::{CephClient, CephSettings};
use hatchery_storage::{RbdImageSource, RbdVolumeBackend, RbdVolumeSettings};
use hatchery_testkit::CephCluster;
use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::time::Duration;
use uuid::Uuid;

const MIB: u64 = 1 << 20;
const SIZE: Bytes = Bytes::from_mib(32);
const CONF: &str = "HATCHERY_TEST_FLATTENS_WITH";
/// So many are wanted at once.
const CROWD: u64 = 6;
/// Small objects, of which each has to be copied by itself: flattening takes far longer than a create.
const ORDER: u8 = 13;

fn of_image_volume(cloud: &Cloud, number: u128) -> VolumeContent {
    VolumeContent::Image {
        image: ImageId(Uuid::from_u128(number)),
        image_sha512: String::new(),
        raw: None,
        plan: Plan {
            rung: Rung::CloneOfImageVolume,
            steps: vec![PlanStep::CloneVolume(cloud.volume(number))],
            copies: Bytes(0),
            refused: Vec::new(),
        },
    }
}

/// Volumes 1 to `length`, each a copy of the one before. The first one has data.
async fn chain(cloud: &Cloud, length: u128) {
    cloud.make(1, VolumeContent::Empty).await.unwrap();
    for at in 0..8 {
        cloud.write(1, at * MIB, 7).await;
    }
    for number in 2..=length {
        cloud.make(number, VolumeContent::Volume(cloud.volume(number - 1))).await.unwrap();
    }
}

/// The volume that keeps what another one holds, as the image that was made of it.
async fn keep(cloud: &Cloud, number: u128, of: u128) -> CreatedVolume {
    let content = VolumeContent::Volume(cloud.volume(of));
    let new = NewVolume { volume: cloud.volume(number), size: SIZE, content, holds_image: true };
    let made = cloud.volumes.create(&new).await.unwrap();
    assert_eq!(cloud.volumes.create(&new).await.unwrap(), made);
    made
}

/// Makes many at once of the image's volume: the bytes that were copied for all of them.
async fn crowd(cloud: &Cloud, first: u128, of: u128) -> u64 {
    let all = (first..first + u128::from(CROWD))
        .map(|number| cloud.make(number, of_image_volume(cloud, of)));
    let made = futures_util::future::try_join_all(all).await.unwrap();
    assert!(made.iter().all(|one| one.rung == Some(Rung::CloneOfImageVolume)));
    made.iter().map(|one| one.bytes_copied.0).sum()
}

async fn stands_alone(cloud: &Cloud, number: u128) {
    until("the end of the chain", async || cloud.parent(number).is_none().then_some(())).await;
    // The snapshot that others were cloned of, and its note, go behind that.
    until("an end of what it was made of", async || {
        let left = cloud.left().await;
        (!left.iter().any(|name| name.starts_with("hatchery.source"))).then_some(())
    })
    .await;
}

fn image_snapshot(cloud: &Cloud, number: u128) -> String {
    format!("volumes/volume-{}@image.clone_snap", cloud.volume(number))
}

/// How many volumes it lies on.
fn depth(cloud: &Cloud, number: u128) -> u32 {
    let mut next = cloud.parent(number);
    let mut depth = 0;
    while let Some(parent) = next {
        depth += 1;
        // Ceph's tool opens no snapshot that was removed and lives on for its clones.
        let of = parent.split_once('@').unwrap().0;
        let info = cloud.ceph.rbd(&["info", of]);
        next = info.lines().find_map(|one| one.trim().strip_prefix("parent: ").map(str::to_owned));
    }
    depth
}

async fn remove(cloud: &Cloud, numbers: impl IntoIterator<Item = u128>) {
    for number in numbers {
        cloud.volumes.remove(cloud.volume(number)).await.unwrap();
    }
}

/// What another test's look for half-done removals has open goes at a later look.
async fn nothing_is_left(cloud: &Cloud) {
    until("an empty pool", async || {
        assert_eq!(cloud.held().await, []);
        cloud.left().await.is_empty().then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_waits_for_the_end_of_an_images_chain() {
    let test = "nobody_waits_for_the_end_of_an_images_chain";
    for (number, most) in [(0x90, 0), (0x91, 1), (0x95, 5)] {
        let change = |set: &mut RbdVolumeSettings| {
            (set.max_clone_depth, set.object_order) = (most, ORDER);
        };
        let Some(cloud) = Cloud::new(test, number, change) else { return };
        let last = u128::from(most.max(1));
        chain(&cloud, last).await;
        let kept = keep(&cloud, 20, last).await;
        assert_eq!(kept.bytes_copied.0 > 0, most == 0);
        let one = cloud.make(30, of_image_volume(&cloud, 20)).await.unwrap();
        let beside = cloud.parent(20);
        let copied = one.bytes_copied.0 + crowd(&cloud, 31, 20).await;
        if most == 0 {
            assert_eq!((copied, depth(&cloud, 30)), (8 * MIB * (CROWD + 1), 0));
        } else {
            // The chain had not ended yet, and they are beside it.
            assert!(beside.is_some());
            assert_eq!((copied, cloud.parent(30)), (0, beside));
            assert!(depth(&cloud, 30) == most && depth(&cloud, 31 + u128::from(CROWD) - 1) <= most);
            stands_alone(&cloud, 20).await;
            let snapshots =
                cloud.ceph.rbd(&["snap", "ls", &format!("volumes/volume-{}", cloud.volume(last))]);
            assert!(!snapshots.contains("clone_snap"), "{snapshots}");
            assert_eq!(crowd(&cloud, 40, 20).await, 0);
            assert_eq!(cloud.parent(40), Some(image_snapshot(&cloud, 20)));
        }
        for number in [20, 30, 36] {
            assert_eq!(
                (cloud.byte(number, 7 * MIB).await, cloud.byte(number, 9 * MIB).await),
                (7, 0)
            );
        }
        remove(&cloud, (1..=last).chain([20]).chain(30..37).chain(40..46)).await;
        nothing_is_left(&cloud).await;
    }
}

/// What the image's volume was cloned of is gone: all wait for one flattening.
#[tokio::test(flavor = "multi_thread")]
async fn those_that_can_be_made_of_nothing_else_wait_for_one_flattening() {
    let test = "those_that_can_be_made_of_nothing_else_wait_for_one_flattening";
    let change = |set: &mut RbdVolumeSettings| (set.max_clone_depth, set.object_order) = (1, ORDER);
    let Some(cloud) = Cloud::new(test, 0x96, change) else { return };
    // Another agent, which has found that it must be flattened, too.
    let Some(other) = Cloud::new(test, 0x96, |set| {
        change(set);
        set.ceph.answer_timeout = Duration::from_secs(41);
    }) else {
        return;
    };
    chain(&cloud, 1).await;
    keep(&cloud, 20, 1).await;
    remove(&cloud, [1]).await;
    let (copied, others) = tokio::join!(crowd(&cloud, 30, 20), crowd(&other, 40, 20));
    // Those of the first agent wait for what was begun before.
    assert_eq!(copied, 0);
    assert!(others <= 8 * MIB, "{others}");
    for number in [30, 45] {
        assert_eq!(cloud.parent(number), Some(image_snapshot(&cloud, 20)));
        assert_eq!((cloud.byte(number, 7 * MIB).await, cloud.byte(number, 9 * MIB).await), (7, 0));
    }
    assert_eq!(cloud.parent(20), None);
    remove(&cloud, [20].into_iter().chain(30..36).chain(40..46)).await;
    nothing_is_left(&cloud).await;
}

/// A limit that was lowered: what was cloned of the image's volume before has a long chain, and what is cloned from now on has none.
#[tokio::test(flavor = "multi_thread")]
async fn a_lower_limit_is_kept_by_what_is_made_from_then_on() {
    let test = "a_lower_limit_is_kept_by_what_is_made_from_then_on";
    let order = |set: &mut RbdVolumeSettings| set.object_order = ORDER;
    let Some(cloud) = Cloud::new(test, 0x97, order) else { return };
    chain(&cloud, 2).await;
    keep(&cloud, 20, 2).await;
    cloud.make(30, of_image_volume(&cloud, 20)).await.unwrap();
    assert_eq!(depth(&cloud, 30), 3);
    let lower = |set: &mut RbdVolumeSettings| (set.max_clone_depth, set.object_order) = (1, ORDER);
    let Some(cloud) = Cloud::new(test, 0x97, lower) else { return };
    // Counted once: for the one that had them copied.
    assert_eq!(crowd(&cloud, 40, 20).await, 8 * MIB);
    assert_eq!((depth(&cloud, 40), depth(&cloud, 45)), (1, 1));
    assert_eq!((cloud.byte(30, 0).await, cloud.byte(40, 0).await), (7, 7));
    remove(&cloud, [1, 2, 20, 30].into_iter().chain(40..46)).await;
    nothing_is_left(&cloud).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_images_volume_that_goes_is_not_flattened_any_more() {
    let test = "an_images_volume_that_goes_is_not_flattened_any_more";
    let change = |set: &mut RbdVolumeSettings| (set.max_clone_depth, set.object_order) = (1, ORDER);
    let Some(cloud) = Cloud::new(test, 0x98, change) else { return };
    chain(&cloud, 1).await;
    // Two, of which one waits for its turn.
    keep(&cloud, 20, 1).await;
    keep(&cloud, 21, 1).await;
    cloud.make(30, of_image_volume(&cloud, 20)).await.unwrap();
    remove(&cloud, [21, 20]).await;
    assert_eq!(cloud.byte(30, 7 * MIB).await, 7);
    let snapshots = ["snap", "ls", &format!("volumes/volume-{}", cloud.volume(1))];
    assert_eq!(cloud.ceph.rbd(&snapshots), "");
    // Nor is it when its agent stops: the next one begins again.
    keep(&cloud, 22, 1).await;
    let ceph = cloud.ceph;
    drop(cloud);
    let Some(cloud) = Cloud::new(test, 0x98, change) else { return };
    until("an end of the work", async || {
        let name = format!("volumes/volume-{}", cloud.volume(22));
        ceph.rbd(&["status", &name]).contains("none").then_some(())
    })
    .await;
    assert_eq!(depth(&cloud, 22), 1);
    cloud.make(31, of_image_volume(&cloud, 22)).await.unwrap();
    assert_eq!(depth(&cloud, 31), 1);
    stands_alone(&cloud, 22).await;
    remove(&cloud, [1, 22, 30, 31]).await;
    nothing_is_left(&cloud).await;
}

fn plain(number: u128, content: VolumeContent, holds_image: bool) -> NewVolume {
    let volume = hatchery_model::id::VolumeId(Uuid::from_u128(number));
    NewVolume { volume, size: SIZE, content, holds_image }
}

fn backend(ceph: CephSettings) -> RbdVolumeBackend {
    RbdVolumeBackend::new(RbdVolumeSettings {
        rbd_pool: "volumes".to_owned(),
        max_clone_depth: 1,
        object_order: ORDER,
        retries: 40,
        retry_interval: Duration::from_millis(250),
        ..RbdVolumeSettings::new("ceph", ceph, RbdImageSource::default())
    })
}

/// Not a test by itself: the process that is killed.
#[tokio::test(flavor = "multi_thread")]
async fn child() {
    let Ok(conf) = std::env::var(CONF) else { return };
    let volumes = backend(cinder_at(conf));
    let source = hatchery_model::id::VolumeId(Uuid::from_u128(1));
    volumes.create(&plain(2, VolumeContent::Volume(source), true)).await.unwrap();
    println!("it is being flattened");
    std::future::pending::<()>().await;
}

fn kill_a_child(ceph: &CephCluster) {
    let mut child = process("chains::child", CONF, ceph.conf());
    let mut child = child.stderr(Stdio::null()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().contains("it is being flattened")));
    child.kill().unwrap();
    child.wait().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_is_killed_while_it_flattens_leaves_nothing() {
    let test = "an_agent_that_is_killed_while_it_flattens_leaves_nothing";
    let Some(ceph) = CephCluster::start(test) else { return };
    // Else a killed client keeps others waiting for 30 seconds.
    ceph.ceph(&["tell", "osd.0", "config", "set", "osd_client_watch_timeout", "3"]);
    let volumes = backend(settings(&ceph, "cinder"));
    let client = CephClient::of(settings(&ceph, "cinder"));
    let id = |number| hatchery_model::id::VolumeId(Uuid::from_u128(number));
    volumes.create(&plain(1, VolumeContent::Empty, false)).await.unwrap();
    on(&client, move |ceph| {
        let image = ceph.pool("volumes")?.open(&format!("volume-{}", id(1)))?;
        image.write(0, &vec![7; 8 << 20])?;
        image.close()
    })
    .await
    .unwrap();
    let parent = || {
        let info = ceph.rbd(&["info", &format!("volumes/volume-{}", id(2))]);
        info.lines().find_map(|one| one.trim().strip_prefix("parent: ").map(str::to_owned))
    };
    for is_used_again in [false, true] {
        kill_a_child(&ceph);
        assert!(parent().is_some());
        if is_used_again {
            // Whoever meets it begins again, and need not wait.
            let plan = Plan {
                rung: Rung::CloneOfImageVolume,
                steps: vec![PlanStep::CloneVolume(id(2))],
                copies: Bytes(0),
                refused: Vec::new(),
            };
            let (image, image_sha512, raw) = (ImageId(Uuid::from_u128(1)), String::new(), None);
            let content = VolumeContent::Image { image, image_sha512, raw, plan };
            let made = volumes.create(&plain(3, content, false)).await.unwrap();
            assert_eq!(made.bytes_copied, Bytes(0));
            until("the end of the chain", async || parent().is_none().then_some(())).await;
            for number in [2, 3] {
                let byte = on(&client, move |ceph| {
                    let pool = ceph.pool("volumes")?;
                    let mut byte = [0];
                    pool.open_to_read(&format!("volume-{}", id(number)), None)?
                        .read((8 << 20) - 1, &mut byte)?;
                    Ok(byte)
                });
                assert_eq!(byte.await.unwrap(), [7]);
            }
        }
        for number in [2, 3] {
            until("an end of the killed one's watch", async || {
                let removed = volumes.remove(id(number)).await;
                let is_open = matches!(removed, Err(VolumeError::Conflict(_)));
                (!is_open).then(|| removed.unwrap())
            })
            .await;
        }
        assert_eq!(ceph.rbd(&["snap", "ls", "--all", &format!("volumes/volume-{}", id(1))]), "");
    }
    volumes.remove(id(1)).await.unwrap();
    let left = on(&client, |ceph| {
        let pool = ceph.pool("volumes")?;
        Ok((pool.list()?, pool.trash()?, pool.notes("hatchery.")?))
    });
    assert_eq!(left.await.unwrap(), (vec![], vec![], vec![]));
}
