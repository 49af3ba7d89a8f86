//! Servers that are made with volumes: booted from one, or with some beside their disk.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may")]

mod lab;

use hatchery_control::Error;
use hatchery_control::compute::{DiskContent, NewServer, ServerDisk};
use hatchery_control::volume::{SnapshotRequest, VolumeRequest, VolumeSource};
use hatchery_model::compute::{BuildStep, ServerState};
use hatchery_model::id::{ServerId, VolumeId};
use hatchery_ports::bus::Handler;
use hatchery_ports::store::Store;
use lab::{FakeHost, Lab, caller};
use std::sync::atomic::Ordering;

async fn lab() -> Lab {
    Lab::new().await.with_volumes().await
}

fn disk(content: DiskContent, boot_index: Option<u32>) -> ServerDisk {
    ServerDisk {
        content,
        size_gib: match content {
            DiskContent::Image(_) | DiskContent::Blank => Some(2),
            DiskContent::Volume(_) | DiskContent::Snapshot(_) => None,
        },
        boot_index,
        delete_on_termination: false,
        device: None,
        volume_type: None,
        tag: None,
    }
}

/// A server that boots from a new volume, which goes with it.
fn booted(lab: &Lab) -> NewServer {
    let root =
        ServerDisk { delete_on_termination: true, ..disk(DiskContent::Image(lab.image), Some(0)) };
    NewServer { image: None, disks: vec![root], ..lab.wanted() }
}

async fn volumes(lab: &Lab) -> Vec<(VolumeId, &'static str)> {
    let mut uow = lab.db.read().await.unwrap();
    let all = uow.volumes().list(&Default::default(), &Default::default()).await.unwrap();
    all.iter().map(|volume| (volume.id, volume.state.status())).collect()
}

async fn statuses(lab: &Lab) -> Vec<&'static str> {
    let mut all: Vec<_> = volumes(lab).await.into_iter().map(|(_, status)| status).collect();
    all.sort_unstable();
    all
}

async fn bootable_volume(lab: &Lab) -> VolumeId {
    lab.make_volume(VolumeRequest {
        size_gib: Some(2),
        source: VolumeSource::Image(lab.image),
        ..VolumeRequest::default()
    })
    .await
}

async fn create(lab: &Lab, new: NewServer) -> ServerId {
    lab.create(&caller("req-create"), new).await.unwrap()[0].id
}

async fn attachments(lab: &Lab) -> usize {
    let mut uow = lab.db.read().await.unwrap();
    uow.attachments().list(None, None, None).await.unwrap().len()
}

#[tokio::test]
async fn a_server_waits_for_its_volumes_and_boots_from_one() {
    let lab = lab().await;
    let mut new = booted(&lab);
    new.disks.push(disk(DiskContent::Blank, None));
    let id = create(&lab, new).await;
    let spawning = ServerState::Building(BuildStep::Spawning);
    assert_eq!(lab.server(id).await.state, spawning);
    assert_eq!(lab.outbox().await.len(), 2, "the guest is not ordered yet");
    // A report lacks the guest, for as long as it may take: nothing was lost.
    for _ in 0..4 {
        lab.pass(40, &["host-a"]).await;
    }
    assert_eq!(lab.server(id).await.state, spawning);
    lab.deliver().await;
    let news = lab.take_news();
    lab.intake.handle(news[0].clone()).await.unwrap();
    assert_eq!(lab.outbox().await, [], "one volume is still missing");
    lab.intake.handle(news[1].clone()).await.unwrap();
    lab.intake.handle(news[1].clone()).await.unwrap();
    assert_eq!(lab.outbox().await.len(), 1);
    lab.settle().await;
    assert_eq!(lab.server(id).await.state, ServerState::Active);
    let guest = lab.hosts[0].running().remove(0);
    assert!(guest.root.is_none());
    let seen: Vec<_> = guest.volumes.iter().map(|v| (v.device.as_str(), v.boot_index)).collect();
    assert_eq!(seen, [("/dev/vda", Some(0)), ("/dev/vdb", None)]);
    assert_eq!(statuses(&lab).await, ["in-use", "in-use"]);
    lab.assert_claims_add_up().await;

    lab.delete(id).await.unwrap();
    lab.settle().await;
    assert_eq!(statuses(&lab).await, ["available"], "only the root disk goes with the server");
    lab.assert_nothing_left().await;
    assert_eq!(attachments(&lab).await, 0);
}

#[tokio::test]
async fn volumes_and_snapshots_that_are_there_are_booted_from() {
    let lab = lab().await;
    let volume = bootable_volume(&lab).await;
    let request = SnapshotRequest {
        volume,
        name: None,
        description: None,
        metadata: Default::default(),
        while_used: false,
    };
    let snapshot = lab.volume_verbs().create_snapshot(&caller("r"), request).await.unwrap().id;
    lab.settle().await;
    let from_volume = NewServer {
        image: None,
        disks: vec![disk(DiskContent::Volume(volume), Some(0))],
        ..lab.wanted()
    };
    let one = create(&lab, from_volume).await;
    assert_eq!(lab.outbox().await.len(), 1, "ordered at once");
    let from_snapshot = NewServer {
        image: None,
        disks: vec![disk(DiskContent::Snapshot(snapshot), Some(0))],
        ..lab.wanted()
    };
    let two = create(&lab, from_snapshot).await;
    // Beside a disk of its own.
    let beside = NewServer { disks: vec![disk(DiskContent::Blank, None)], ..lab.wanted() };
    let three = create(&lab, beside).await;
    lab.settle().await;
    for id in [one, two, three] {
        assert_eq!(lab.server(id).await.state, ServerState::Active);
    }
    let guests = lab.hosts[0].running();
    assert_eq!(guests.iter().filter(|guest| guest.root.is_some()).count(), 1);
    for id in [one, two, three] {
        lab.delete(id).await.unwrap();
    }
    lab.settle().await;
    assert_eq!(statuses(&lab).await, ["available"; 3]);
    lab.assert_nothing_left().await;
}

#[tokio::test]
async fn what_no_server_can_have_is_refused_and_leaves_nothing() {
    let lab = lab().await;
    let blank =
        lab.make_volume(VolumeRequest { size_gib: Some(1), ..VolumeRequest::default() }).await;
    let used = bootable_volume(&lab).await;
    let user = caller("r");
    lab.volume_verbs().create_attachment(&user, used, None, None, false).await.unwrap();
    let before = volumes(&lab).await;
    let with = |image, disks| NewServer { image, disks, ..lab.wanted() };
    let image = Some(lab.image);
    let new = || disk(DiskContent::Image(lab.image), Some(0));
    let cases = [
        (with(None, vec![]), "Boot sequence"),
        (with(image, vec![new()]), "Boot sequence"),
        (with(None, vec![disk(DiskContent::Blank, Some(1))]), "Boot sequence"),
        (with(None, vec![ServerDisk { size_gib: None, ..new() }]), "need to have a non-zero size"),
        (
            with(image, vec![ServerDisk { size_gib: Some(0), ..disk(DiskContent::Blank, None) }]),
            "Blank volumes",
        ),
        (with(None, vec![disk(DiskContent::Volume(blank), Some(0))]), "is not bootable."),
        (
            with(None, vec![new(), disk(DiskContent::Volume(used), None)]),
            "current status is reserved",
        ),
        (
            with(
                None,
                vec![disk(DiskContent::Volume(VolumeId(uuid::Uuid::from_u128(3))), Some(0))],
            ),
            "failed to get volume",
        ),
        (
            with(None, vec![ServerDisk { size_gib: Some(2000), ..new() }]),
            "exceeds allowed gigabytes quota",
        ),
        (
            with(None, vec![ServerDisk { volume_type: Some("gold".into()), ..new() }]),
            "gold could not be found",
        ),
    ];
    for (new, why) in cases {
        let refused = lab.create(&user, new).await.unwrap_err();
        assert!(refused.to_string().contains(why), "{refused}");
    }
    let several = NewServer {
        min_count: 2,
        max_count: 2,
        ..with(image, vec![disk(DiskContent::Volume(blank), None)])
    };
    assert!(matches!(lab.create(&user, several).await, Err(Error::Invalid(_))));
    assert_eq!(volumes(&lab).await, before);
    lab.assert_nothing_left().await;
}

#[tokio::test]
async fn a_volume_that_cannot_be_made_ends_the_server_and_frees_the_others() {
    let lab = lab().await;
    let other = bootable_volume(&lab).await;
    lab.hosts[0].volumes.fails.lock().unwrap().insert("Create", "The pool is full.".into());
    let mut new = booted(&lab);
    new.disks.push(disk(DiskContent::Volume(other), None));
    let id = create(&lab, new).await;
    assert_eq!(lab.volume(other).await.state.status(), "reserved");
    lab.settle().await;
    let ServerState::Failed(fault) = lab.server(id).await.state else { panic!() };
    assert!(fault.message.contains("aborted: Volume"), "{}", fault.message);
    assert!(fault.message.ends_with("The pool is full."), "{}", fault.message);
    assert_eq!(volumes(&lab).await, [(other, "available")]);
    assert_eq!(attachments(&lab).await, 0);
    lab.assert_claims_add_up().await;
    lab.delete(id).await.unwrap();
    lab.settle().await;
    lab.assert_nothing_left().await;
}

#[tokio::test]
async fn a_guest_that_cannot_be_made_leaves_no_volume_reserved() {
    let lab = lab().await;
    let other = bootable_volume(&lab).await;
    *lab.hosts[0].fails.lock().unwrap() = Some("The disk is on fire.".into());
    let mut new = booted(&lab);
    new.disks.push(disk(DiskContent::Volume(other), None));
    let id = create(&lab, new).await;
    lab.settle().await;
    assert!(matches!(lab.server(id).await.state, ServerState::Failed(_)));
    assert_eq!(volumes(&lab).await, [(other, "available")]);
    assert_eq!(attachments(&lab).await, 0);
    lab.delete(id).await.unwrap();
    lab.settle().await;
    let mut uow = lab.db.read().await.unwrap();
    assert_eq!(uow.claims().list(None).await.unwrap(), []);
}

#[tokio::test]
async fn a_server_goes_where_its_volume_is() {
    for later in [false, true] {
        let hosts = ["host-a", "host-b", "host-c"]
            .iter()
            .zip(11..)
            .map(|(name, seed)| FakeHost::new(name, seed, 8, 16_384, 100));
        let lab = Lab::with_hosts(hosts.collect()).await.with_volumes().await;
        let lab = if later { lab.placing_later() } else { lab };
        for _ in 0..3 {
            let volume = bootable_volume(&lab).await;
            let on = lab.volume(volume).await.backend.unwrap().host;
            let disks = vec![
                disk(DiskContent::Volume(volume), Some(0)),
                ServerDisk { size_gib: Some(1), ..disk(DiskContent::Blank, None) },
            ];
            let new = NewServer { image: None, disks, ..lab.wanted() };
            let id = create(&lab, new).await;
            lab.settle().await;
            let server = lab.server(id).await;
            if server.state == ServerState::Active {
                assert_eq!(server.host, Some(on));
            } else {
                // Placed later, its new volume may have gone elsewhere: then no host has both.
                assert!(later, "{:?}", server.state);
                assert_eq!(attachments(&lab).await, 0);
            }
        }
    }
}

#[tokio::test]
async fn a_server_that_is_deleted_early_leaves_nothing() {
    let lab = lab().await;
    let id = create(&lab, booted(&lab)).await;
    lab.delete(id).await.unwrap();
    lab.settle().await;
    assert_eq!(volumes(&lab).await, []);
    assert_eq!(attachments(&lab).await, 0);
    lab.assert_nothing_left().await;
    assert!(lab.hosts[0].volumes.there.lock().unwrap().is_empty());
}

/// The world goes on after a fault.
async fn go_on(lab: &Lab) {
    for _ in 0..14 {
        let _ = lab.runner.run_due().await;
        let _ = lab.volume_orders().look().await;
        lab.deliver().await;
        for news in lab.take_news() {
            for _ in 0..3 {
                if lab.intake.handle(news.clone()).await.is_ok() {
                    break;
                }
            }
        }
        lab.pass(5, &["host-a"]).await;
    }
}

#[tokio::test]
async fn a_crash_at_any_commit_leaves_nothing() {
    for after in [false, true] {
        let mut happened = 0;
        for fault_at in 1.. {
            let lab = lab().await;
            lab.faults.after.store(after, Ordering::SeqCst);
            lab.faults.commits_until_fault.store(fault_at, Ordering::SeqCst);
            while lab.create(&caller("req-create"), booted(&lab)).await.is_err() {}
            go_on(&lab).await;
            let mut uow = lab.db.read().await.unwrap();
            let made = uow.servers().list(&Default::default(), &Default::default()).await.unwrap();
            drop(uow);
            for server in &made {
                let at = format!("fault at {fault_at}, after: {after}");
                assert_eq!(server.state, ServerState::Active, "{at}");
            }
            assert!(statuses(&lab).await.iter().all(|status| *status == "in-use"));
            lab.assert_claims_add_up().await;
            for server in &made {
                while lab.delete(server.id).await.is_err() {}
            }
            go_on(&lab).await;
            assert_eq!(volumes(&lab).await, []);
            assert_eq!(attachments(&lab).await, 0);
            lab.assert_nothing_left().await;
            assert!(lab.hosts[0].volumes.there.lock().unwrap().is_empty());
            if !lab.faults.happened.load(Ordering::SeqCst) {
                break;
            }
            happened += 1;
        }
        assert!(happened >= 6, "only {happened} commits were hit");
    }
}
