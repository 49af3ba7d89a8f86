//! Work that was cut off anywhere is done by doing it again, or leaves nothing when the volume is removed.

use crate::fixture::{cinder, on};
use crate::volumes::{Cloud, clone_of, image};
use hatchery_model::volume::VolumeContent;
use hatchery_ports::volume_backend::{Held, VolumeBackend};
use std::collections::BTreeSet;

const MIB: u64 = 1 << 20;

#[tokio::test(flavor = "multi_thread")]
async fn a_clone_that_was_cut_off_is_made_anew() {
    let test = "a_clone_that_was_cut_off_is_made_anew";
    let Some(cloud) = Cloud::new(test, 0x81, |_| {}) else { return };
    let location = image(cloud.ceph, 0x8100).await;
    let name = format!("volume-{}", cloud.volume(1));
    // Cut off before it had a parent.
    let bare = name.clone();
    on(&cinder(cloud.ceph), move |ceph| ceph.pool("volumes")?.create(&bare, 16 * MIB, 22))
        .await
        .unwrap();
    cloud.make(1, clone_of(0x8100, &location)).await.unwrap();
    assert_eq!(cloud.byte(1, MIB).await, 5);

    // Cut off before its size was set.
    let made = name.clone();
    on(&cinder(cloud.ceph), move |ceph| ceph.pool("volumes")?.open(&made)?.set_size(16 * MIB))
        .await
        .unwrap();
    cloud.make(1, clone_of(0x8100, &location)).await.unwrap();
    assert_eq!(cloud.byte(1, 31 * MIB).await, 0);

    // Flattened and written by a guest since: not touched.
    cloud.write(1, 0, 8).await;
    cloud.ceph.rbd(&["flatten", &format!("volumes/{name}")]);
    cloud.make(1, clone_of(0x8100, &location)).await.unwrap();
    assert_eq!((cloud.byte(1, 0).await, cloud.byte(1, MIB).await), (8, 5));
    cloud.volumes.remove(cloud.volume(1)).await.unwrap();

    // Of one that was cut off earlier still there is only the name.
    for content in [VolumeContent::Empty, clone_of(0x8100, &location)] {
        cloud.make(1, VolumeContent::Empty).await.unwrap();
        let id = cloud.ceph.rbd(&["info", &format!("volumes/{name}")]);
        let id = id.lines().find_map(|line| line.trim().strip_prefix("id: ")).unwrap();
        cloud
            .ceph
            .node()
            .run("rados", &["-p", "volumes", "rm", &format!("rbd_header.{id}")])
            .unwrap();
        cloud.make(1, content).await.unwrap();
        cloud.volumes.remove(cloud.volume(1)).await.unwrap();
        assert_eq!(cloud.left().await, BTreeSet::new());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_copy_has_left_goes() {
    let test = "what_a_copy_has_left_goes";
    let Some(cloud) = Cloud::new(test, 0x82, |_| {}) else { return };
    cloud.make(1, VolumeContent::Empty).await.unwrap();
    cloud.write(1, 0, 6).await;
    let (source, copy) =
        (format!("volume-{}", cloud.volume(1)), format!("volume-{}", cloud.volume(2)));
    // Cut off behind the snapshot, and behind the clone.
    for is_cloned in [false, true] {
        for is_repeated in [false, true] {
            let (of, to) = (source.clone(), copy.clone());
            on(&cinder(cloud.ceph), move |ceph| {
                let pool = ceph.pool("volumes")?;
                pool.set_note(&format!("hatchery.source.{to}"), &of)?;
                let snapshot = format!("{to}.clone_snap");
                pool.open(&of)?.snapshot(&snapshot)?;
                if is_cloned {
                    pool.clone_of((&pool, &of, &snapshot), &to, 22)?;
                }
                Ok(())
            })
            .await
            .unwrap();
            if is_repeated {
                let of = VolumeContent::Volume(cloud.volume(1));
                cloud.make(2, of).await.unwrap();
                assert_eq!(cloud.byte(2, 0).await, 6);
                assert!(!cloud.left().await.iter().any(|name| name.starts_with("hatchery")));
            }
            cloud.volumes.remove(cloud.volume(2)).await.unwrap();
            assert_eq!(cloud.left().await, BTreeSet::from([source.clone()]));
            assert_eq!(cloud.held().await, [Held::Volume(cloud.volume(1))]);
        }
    }
    // A source that goes while its copy waits to be made again.
    let (of, to) = (source.clone(), copy.clone());
    on(&cinder(cloud.ceph), move |ceph| {
        let pool = ceph.pool("volumes")?;
        pool.set_note(&format!("hatchery.source.{to}"), &of)?;
        pool.open(&of)?.snapshot(&format!("{to}.clone_snap"))
    })
    .await
    .unwrap();
    for number in [1, 2] {
        cloud.volumes.remove(cloud.volume(number)).await.unwrap();
    }
    assert_eq!(cloud.left().await, BTreeSet::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn half_made_and_half_removed_volumes_are_found_and_go() {
    let test = "half_made_and_half_removed_volumes_are_found_and_go";
    let Some(cloud) = Cloud::new(test, 0x83, |_| {}) else { return };
    let names: Vec<String> = (1..=3).map(|one| format!("volume-{}", cloud.volume(one))).collect();
    on(&cinder(cloud.ceph), move |ceph| {
        let pool = ceph.pool("volumes")?;
        pool.create(&format!("{}.part", names[0]), MIB, 22)?;
        // Cut off behind the note, and within the removal.
        for name in &names[1..] {
            pool.create(name, MIB, 22)?;
            let id = pool.open(name)?.id()?;
            pool.set_note(&format!("hatchery.removing.{id}"), name)?;
        }
        pool.move_to_trash(&names[2])
    })
    .await
    .unwrap();
    // Not there before it is whole, but seen by the census. What has its name stays until its removal is asked for again: it may have been refused.
    assert_eq!(cloud.volumes.find(cloud.volume(1)).await.unwrap(), None);
    let left = [1, 2].map(|number| Held::Volume(cloud.volume(number)));
    assert_eq!(cloud.held().await, left);
    for number in [1, 2] {
        cloud.volumes.remove(cloud.volume(number)).await.unwrap();
    }
    assert_eq!(cloud.left().await, BTreeSet::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removal_that_was_cut_off_is_finished_when_it_is_repeated() {
    let test = "a_removal_that_was_cut_off_is_finished_when_it_is_repeated";
    let Some(cloud) = Cloud::new(test, 0x84, |_| {}) else { return };
    cloud.make(1, VolumeContent::Empty).await.unwrap();
    cloud.volumes.snapshot(cloud.volume(1), cloud.snapshot(1)).await.unwrap();
    cloud.make(2, VolumeContent::Snapshot(cloud.volume(1), cloud.snapshot(1))).await.unwrap();
    cloud.volumes.remove_snapshot(cloud.volume(1), cloud.snapshot(1)).await.unwrap();
    cloud.volumes.remove(cloud.volume(1)).await.unwrap();
    let clone = format!("volume-{}", cloud.volume(2));
    let client = cinder(cloud.ceph);
    let cut_off = on(&client, move |ceph| {
        let pool = ceph.pool("volumes")?;
        let id = pool.open_to_read(&clone, None)?.id()?;
        pool.set_note(&format!("hatchery.removing.{id}"), &clone)?;
        pool.move_to_trash(&clone)
    });
    cut_off.await.unwrap();
    // What it lay on goes with it.
    cloud.volumes.remove(cloud.volume(2)).await.unwrap();
    assert_eq!(cloud.left().await, BTreeSet::new());
}
