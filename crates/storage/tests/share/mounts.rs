//! A share that is not there, or not the one that it was: nothing is written, nothing is believed, and it goes on when it is back.

use crate::fixture::{Share, bytes, new, snapshot, volume, write};
use hatchery_model::volume::VolumeContent;
use hatchery_ports::volume_backend::{Held, Opened, VolumeBackend, VolumeError};
use hatchery_storage::FileVolumeBackend;
use std::fs;
use std::path::Path;

async fn why_down(volumes: &FileVolumeBackend) -> String {
    volumes.report().await.down.unwrap_or_default()
}

/// That every order is refused as one that may pass, with this reason.
async fn orders_are_refused(volumes: &FileVolumeBackend, why: &str) {
    let (v, s) = (volume(1), snapshot(1));
    let errors = [
        volumes.create(&new(2, VolumeContent::Empty)).await.unwrap_err(),
        volumes.find(v).await.unwrap_err(),
        volumes.remove(v).await.unwrap_err(),
        volumes.extend(v, hatchery_model::units::Bytes::from_gib(1)).await.unwrap_err(),
        volumes.snapshot(v, s).await.unwrap_err(),
        volumes.remove_snapshot(v, s).await.unwrap_err(),
        volumes.revert(v, s).await.unwrap_err(),
        volumes.open(Opened::Volume(v)).await.err().unwrap(),
        volumes.open(Opened::Anew(v)).await.err().unwrap(),
        volumes.list().await.unwrap_err(),
    ];
    for error in errors {
        assert!(error.to_string().contains("its share cannot be used"), "{error}");
        let VolumeError::Unavailable { source, .. } = error else { panic!("{error:?}") };
        assert!(source.to_string().contains(why), "{source}");
    }
}

fn is_bare(folder: &Path) {
    assert_eq!(
        fs::read_dir(folder).unwrap().count(),
        0,
        "something was written into the bare folder"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unmounted_share_is_down_and_keeps_everything() {
    let Some(share) = Share::mounted() else { return };
    share.unmount();
    let volumes = share.host("one");
    let why = "no share is mounted on";
    assert!(why_down(&volumes).await.contains(why));
    orders_are_refused(&volumes, why).await;
    is_bare(&share.mount_point());

    share.mount(&share.export()).unwrap();
    let report = volumes.report().await;
    assert_eq!((report.down, report.protocol.as_str()), (None, "nfs"));
    assert!(report.total.0 > 0 && report.free.0 > 0);
    volumes.create(&new(1, share.image().await)).await.unwrap();
    volumes.snapshot(volume(1), snapshot(1)).await.unwrap();
    write(&volumes, 1, 2, 8).await.unwrap();
    let open = volumes.open(Opened::Volume(volume(1))).await.unwrap();
    // Somebody reads: the share cannot go by mistake.
    let busy = nix::mount::umount2(&share.mount_point(), nix::mount::MntFlags::empty());
    assert_eq!(busy, Err(nix::errno::Errno::EBUSY));
    open.close().await.unwrap();

    share.unmount();
    assert!(why_down(&volumes).await.contains(why));
    orders_are_refused(&volumes, why).await;
    // So it is for an agent that starts meanwhile.
    orders_are_refused(&share.host("one"), why).await;
    is_bare(&share.mount_point());

    share.mount(&share.export()).unwrap();
    assert_eq!(why_down(&volumes).await, "");
    for agent in [&volumes, &share.host("one")] {
        assert_eq!(bytes(agent, Opened::Volume(volume(1))).await.unwrap(), [3, 5, 8, 9, 0]);
        let all = [Held::Volume(volume(1)), Held::Snapshot(volume(1), snapshot(1))];
        assert_eq!(agent.list().await.unwrap(), all);
    }
    volumes.remove_snapshot(volume(1), snapshot(1)).await.unwrap();
    volumes.remove(volume(1)).await.unwrap();
    share.is_empty();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lazy_unmount_under_a_reader_reads_on() {
    let Some(share) = Share::mounted() else { return };
    let volumes = share.host("one");
    volumes.create(&new(1, share.image().await)).await.unwrap();
    let mut open = volumes.open(Opened::Volume(volume(1))).await.unwrap();
    let mut written = volumes.open(Opened::ForWriting(volume(1))).await.unwrap();
    nix::mount::umount2(&share.mount_point(), nix::mount::MntFlags::MNT_DETACH).unwrap();
    assert_eq!(open.read(0, 1).await.unwrap()[0], 3);
    written.write(0, vec![6; 512].into()).await.unwrap();
    written.close().await.unwrap();
    is_bare(&share.mount_point());
    share.mount(&share.export()).unwrap();
    assert_eq!(bytes(&volumes, Opened::Volume(volume(1))).await.unwrap()[0], 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_share_in_its_place_is_refused() {
    let Some(share) = Share::mounted() else { return };
    let volumes = share.host("one");
    volumes.create(&new(1, VolumeContent::Empty)).await.unwrap();
    let before = share.names();
    share.unmount();

    let other = share.folder().join("other");
    fs::create_dir(&other).unwrap();
    share.mount(&other).unwrap();
    for agent in [&volumes, &share.host("one")] {
        let why = "has no file .hatchery-share";
        assert!(why_down(agent).await.contains(why));
        orders_are_refused(agent, why).await;
    }
    is_bare(&other);
    fs::write(other.join(".hatchery-share"), r#"{"share":"00000000-0000-0000-0000-000000000008"}"#)
        .unwrap();
    for agent in [&volumes, &share.host("one")] {
        let why = "is another one than the backend's";
        assert!(why_down(agent).await.contains(why));
        orders_are_refused(agent, why).await;
    }
    assert_eq!(fs::read_dir(&other).unwrap().count(), 1);
    share.unmount();

    share.mount(&share.export()).unwrap();
    assert_eq!(share.names(), before);
    assert_eq!(volumes.list().await.unwrap(), [Held::Volume(volume(1))]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mark_that_is_lost_is_not_made_again() {
    let Some(share) = Share::mounted() else { return };
    let volumes = share.host("one");
    volumes.create(&new(1, VolumeContent::Empty)).await.unwrap();
    let [mark, kept] = [".hatchery-share", ".kept"].map(|name| share.export().join(name));
    fs::rename(&mark, &kept).unwrap();
    for (host, why) in [("one", "has no file"), ("two", "has volumes and no file")] {
        let agent = share.host(host);
        assert!(why_down(&agent).await.contains(why));
        orders_are_refused(&agent, why).await;
    }
    orders_are_refused(&volumes, "has no file").await;
    assert!(!mark.exists());
    fs::rename(&kept, &mark).unwrap();
    for agent in [&volumes, &share.host("two")] {
        assert_eq!(agent.list().await.unwrap(), [Held::Volume(volume(1))]);
    }
}

/// What an NFS client leaves of files that were removed while they were open is nobody's, and goes by itself.
#[tokio::test(flavor = "multi_thread")]
async fn silly_renames_are_not_seen() {
    let Some(share) = Share::mounted() else { return };
    let volumes = share.host("one");
    volumes.create(&new(1, VolumeContent::Empty)).await.unwrap();
    let silly = [".nfs00000000004a0c1200000001", ".records/.nfs00000000004a0c1300000002"]
        .map(|name| share.export().join(name));
    for path in &silly {
        fs::write(path, "{").unwrap();
    }
    assert_eq!(volumes.list().await.unwrap(), [Held::Volume(volume(1))]);
    volumes.remove(volume(1)).await.unwrap();
    assert_eq!(share.host("two").list().await.unwrap(), []);
    for path in &silly {
        fs::remove_file(path).unwrap();
    }
    share.is_empty();
}
