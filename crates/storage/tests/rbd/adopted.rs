//! Snapshots that others made of our volumes are taken, and let go.

use crate::fixture::{cinder, on, settings};
use crate::volumes::Cloud;
use hatchery_model::id::SnapshotId;
use hatchery_model::units::Bytes;
use hatchery_model::volume::VolumeContent;
use hatchery_ports::volume_adoption::VolumeAdoption;
use hatchery_ports::volume_backend::{Held, VolumeBackend, VolumeError};
use hatchery_storage::rbd::CephClient;
use std::collections::BTreeSet;
use std::time::Duration;
use uuid::Uuid;

const MIB: u64 = 1 << 20;

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_of_others_is_taken_and_left() {
    let Some(cloud) = Cloud::new("a_snapshot_of_others_is_taken_and_left", 0x73, |_| {}) else {
        return;
    };
    let volume = cloud.volume(1);
    let name = format!("volumes/volume-{volume}");
    cloud.make(1, VolumeContent::Empty).await.unwrap();
    cloud.write(1, 0, 1).await;
    cloud.ceph.rbd(&["snap", "create", &format!("{name}@theirs")]);
    cloud.write(1, 0, 2).await;
    cloud.volumes.extend(volume, Bytes::from_mib(48)).await.unwrap();
    // While somebody uses the volume, who has its lock.
    let other = CephClient::of(hatchery_storage::rbd::CephSettings {
        answer_timeout: Duration::from_secs(44),
        ..settings(cloud.ceph, "cinder")
    });
    let image = format!("volume-{volume}");
    let user = on(&other, move |ceph| {
        let image = ceph.pool("volumes")?.open(&image)?;
        image.write(MIB, &[3; 512])?;
        Ok(image)
    });
    let user = user.await.unwrap();
    for _ in 0..2 {
        let taken = cloud.volumes.manage_snapshot(volume, cloud.snapshot(1), "theirs").await;
        assert_eq!(taken.unwrap(), Bytes::from_mib(32));
    }
    user.close().unwrap();
    assert_eq!(
        cloud.held().await,
        [Held::Volume(volume), Held::Snapshot(volume, cloud.snapshot(1))]
    );
    cloud.make(2, VolumeContent::Snapshot(volume, cloud.snapshot(1))).await.unwrap();
    assert_eq!((cloud.byte(2, 0).await, cloud.byte(1, 0).await), (1, 2));
    cloud.volumes.remove(cloud.volume(2)).await.unwrap();

    passing_ones_are_not_taken(&cloud).await;
    a_forgotten_one_goes_out_and_comes_in(&cloud).await;
}

fn backup() -> String {
    format!("backup.{}.snap", Uuid::from_u128(5))
}

/// What is needed for a clone or a backup is nobody's, nor is what is not there.
async fn passing_ones_are_not_taken(cloud: &Cloud) {
    let volume = cloud.volume(1);
    let name = format!("volumes/volume-{volume}");
    let passing = format!("volume-{}.clone_snap", cloud.volume(9));
    let backup = backup();
    for one in [&passing, &backup] {
        cloud.ceph.rbd(&["snap", "create", &format!("{name}@{one}")]);
    }
    for one in [passing.as_str(), &backup, "", "x@y", "a/b", "nothing"] {
        let error = cloud.volumes.manage_snapshot(volume, cloud.snapshot(2), one).await;
        let error = error.unwrap_err();
        assert!(matches!(error, VolumeError::Invalid(_) | VolumeError::NotFound(_)), "{error:?}");
    }
    let gone = cloud.volumes.manage_snapshot(cloud.volume(8), cloud.snapshot(2), "x").await;
    assert!(matches!(gone, Err(VolumeError::NotFound(_))), "{gone:?}");
    let own = format!("snapshot-{}", cloud.snapshot(1));
    let found = cloud.volumes.manageable_snapshots().await.unwrap();
    let of: Vec<_> = found.iter().filter(|one| one.volume == Some(volume)).collect();
    assert_eq!(
        of.iter()
            .map(|one| (one.name.as_str(), one.refused_by.as_deref()))
            .collect::<BTreeSet<_>>(),
        BTreeSet::from([
            (passing.as_str(), Some("used for clone snap")),
            (backup.as_str(), Some("used for volume backup")),
            (own.as_str(), None),
        ])
    );
}

/// The volume goes out after its snapshot, with it, and both come in again under new names.
async fn a_forgotten_one_goes_out_and_comes_in(cloud: &Cloud) {
    let volume = cloud.volume(1);
    let name = format!("volumes/volume-{volume}");
    let own = format!("snapshot-{}", cloud.snapshot(1));
    let error = cloud.volumes.unmanage(volume).await.unwrap_err();
    assert!(matches!(error, VolumeError::Conflict(_)), "{error:?}");
    for _ in 0..2 {
        cloud.volumes.unmanage_snapshot(volume, cloud.snapshot(1)).await.unwrap();
        cloud.volumes.unmanage_snapshot(volume, SnapshotId(Uuid::from_u128(6))).await.unwrap();
    }
    assert_eq!(cloud.held().await, [Held::Volume(volume)]);
    let error = cloud.volumes.remove(volume).await.unwrap_err();
    assert!(matches!(error, VolumeError::Conflict(_)), "{error:?}");
    cloud.volumes.unmanage(volume).await.unwrap();
    let snapshots = cloud.ceph.rbd(&["snap", "ls", &name]);
    assert!(snapshots.contains(&own), "{snapshots}");

    cloud.volumes.manage(cloud.volume(3), &format!("volume-{volume}")).await.unwrap();
    cloud.volumes.manage_snapshot(cloud.volume(3), cloud.snapshot(3), &own).await.unwrap();
    assert_eq!(
        cloud.held().await,
        [Held::Volume(cloud.volume(3)), Held::Snapshot(cloud.volume(3), cloud.snapshot(3))]
    );
    cloud.volumes.remove_snapshot(cloud.volume(3), cloud.snapshot(3)).await.unwrap();
    let image = format!("volume-{}", cloud.volume(3));
    on(&cinder(cloud.ceph), move |ceph| {
        ceph.pool("volumes")?.open(&image)?.remove_snapshot(&backup())
    })
    .await
    .unwrap();
    cloud.volumes.remove(cloud.volume(3)).await.unwrap();
    assert_eq!(cloud.left().await, BTreeSet::new());
}
