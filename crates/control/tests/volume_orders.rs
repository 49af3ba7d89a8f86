//! Orders about volumes whose answers are lost, late or doubled, and hosts that do not come back; a crash at every commit.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may")]

mod lab;

use hatchery_control::volume::{SnapshotRequest, VolumeRemoval, VolumeRequest};
use hatchery_model::id::{SnapshotId, VolumeId};
use hatchery_ports::bus::Handler;
use hatchery_ports::store::Store;
use lab::{Lab, caller};
use std::sync::atomic::Ordering;

async fn lab() -> Lab {
    Lab::new().await.with_volumes().await
}

fn wanted() -> VolumeRequest {
    VolumeRequest { size_gib: Some(1), ..VolumeRequest::default() }
}

fn snapshot_of(volume: VolumeId) -> SnapshotRequest {
    SnapshotRequest {
        volume,
        name: None,
        description: None,
        metadata: Default::default(),
        while_used: false,
    }
}

async fn ask(lab: &Lab) -> VolumeId {
    lab.volume_verbs().create_volume(&caller("req-1"), wanted()).await.unwrap().volume.id
}

async fn status(lab: &Lab, id: VolumeId) -> &'static str {
    lab.volume(id).await.state.status()
}

async fn volumes(lab: &Lab) -> Vec<VolumeId> {
    let mut uow = lab.db.read().await.unwrap();
    let all = uow.volumes().list(&Default::default(), &Default::default()).await.unwrap();
    all.iter().map(|volume| volume.id).collect()
}

#[tokio::test]
async fn an_order_that_was_lost_is_sent_again() {
    let lab = lab().await;
    let id = ask(&lab).await;
    lab.hosts[0].forgets.store(true, Ordering::SeqCst);
    lab.deliver().await;
    lab.hosts[0].forgets.store(false, Ordering::SeqCst);
    let chase = lab.volume_orders();
    lab.pass(20, &["host-a"]).await;
    assert_eq!(chase.look().await.unwrap().sent_again, 0, "it is not due yet");
    lab.pass(20, &["host-a"]).await;
    assert_eq!(chase.look().await.unwrap().sent_again, 1);
    assert_eq!(chase.look().await.unwrap().sent_again, 0);
    lab.settle().await;
    assert_eq!(status(&lab, id).await, "available");
    assert_eq!(*lab.hosts[0].volumes.done.lock().unwrap(), ["Create"]);
    lab.pass(100, &["host-a"]).await;
    assert_eq!(chase.look().await.unwrap(), Default::default());
}

#[tokio::test]
async fn an_answer_that_was_lost_is_given_again() {
    let lab = lab().await;
    let id = ask(&lab).await;
    lab.deliver().await;
    assert_eq!(lab.take_news().len(), 1);
    // Another change of the row meanwhile does not make the answer another one's.
    let changes = hatchery_control::volume::VolumeChanges {
        name: Some(Some("other".into())),
        ..Default::default()
    };
    lab.volume_verbs().update_volume(&caller("r"), id, changes).await.unwrap();
    lab.pass(40, &["host-a"]).await;
    assert_eq!(lab.volume_orders().look().await.unwrap().sent_again, 1);
    lab.settle().await;
    assert_eq!(status(&lab, id).await, "available");
    assert_eq!(*lab.hosts[0].volumes.done.lock().unwrap(), ["Create"], "it was done once");
}

#[tokio::test]
async fn answers_that_come_twice_or_late_change_nothing() {
    let lab = lab().await;
    let verbs = lab.volume_verbs();
    let id = ask(&lab).await;
    lab.deliver().await;
    let made = lab.take_news();
    lab.intake.handle(made[0].clone()).await.unwrap();
    let row = lab.volume(id).await;
    lab.intake.handle(made[0].clone()).await.unwrap();
    assert_eq!(lab.volume(id).await, row);
    verbs.extend_volume(&caller("r"), id, 3, false).await.unwrap();
    lab.intake.handle(made[0].clone()).await.unwrap();
    assert_eq!(status(&lab, id).await, "extending", "the answer to another order");
    lab.deliver().await;
    let larger = lab.take_news();
    lab.intake.handle(larger[0].clone()).await.unwrap();
    verbs.delete_volume(&caller("r"), id, VolumeRemoval::default()).await.unwrap();
    for late in [&made[0], &larger[0]] {
        lab.intake.handle(late.clone()).await.unwrap();
        assert_eq!(status(&lab, id).await, "deleting");
    }
    lab.settle().await;
    for late in [&made[0], &larger[0]] {
        lab.intake.handle(late.clone()).await.unwrap();
    }
    assert_eq!(volumes(&lab).await, [], "a late word brings nothing back");
}

#[tokio::test]
async fn what_an_agent_could_not_do_is_told() {
    let lab = lab().await;
    let verbs = lab.volume_verbs();
    let fails = |work, message: &str| {
        lab.hosts[0].volumes.fails.lock().unwrap().insert(work, message.into());
    };
    let fine = lab.make_volume(wanted()).await;
    let snapshot = verbs.create_snapshot(&caller("r"), snapshot_of(fine)).await.unwrap().id;
    lab.settle().await;
    for work in ["Create", "Extend", "CreateSnapshot", "Revert", "RemoveSnapshot", "Remove"] {
        fails(work, &format!("No {work} today."));
    }
    let failed = ask(&lab).await;
    lab.settle().await;
    assert_eq!(status(&lab, failed).await, "error");
    verbs.revert_volume(&caller("r"), fine, snapshot).await.unwrap();
    lab.settle().await;
    assert_eq!(status(&lab, fine).await, "error_restoring");
    let state = lab.find_snapshot(snapshot).await.unwrap().state;
    assert_eq!(state.status(), "available", "the snapshot is as good as before");
    // A volume goes after its snapshots: when one of them stays, so does it.
    let cascade = VolumeRemoval { cascade: true, force: false, ..VolumeRemoval::default() };
    verbs.delete_volume(&caller("r"), fine, cascade).await.unwrap();
    lab.settle().await;
    assert_eq!(status(&lab, fine).await, "error_deleting");
    assert_eq!(lab.find_snapshot(snapshot).await.unwrap().state.status(), "error_deleting");
    let told: Vec<_> = lab.messages().await.into_iter().map(|one| one.text).collect();
    for work in ["Create", "Revert", "RemoveSnapshot"] {
        let text = format!("No {work} today.");
        assert!(told.iter().any(|told| told.contains(&text)), "{work}: {told:?}");
    }
    // Tried again when the agent can, all of it goes.
    lab.hosts[0].volumes.fails.lock().unwrap().clear();
    verbs.delete_volume(&caller("r"), fine, cascade).await.unwrap();
    verbs.delete_volume(&caller("r"), failed, VolumeRemoval::default()).await.unwrap();
    lab.settle().await;
    assert_eq!(volumes(&lab).await, []);
}

#[tokio::test]
async fn a_host_that_does_not_come_back_leaves_nothing_in_passing() {
    let lab = lab().await;
    let verbs = lab.volume_verbs();
    let (made, going) = (lab.make_volume(wanted()).await, lab.make_volume(wanted()).await);
    let creating = ask(&lab).await;
    verbs.extend_volume(&caller("r"), made, 2, false).await.unwrap();
    verbs.delete_volume(&caller("r"), going, VolumeRemoval::default()).await.unwrap();
    let snapped = verbs.create_snapshot(&caller("r"), snapshot_of(made)).await;
    assert!(snapped.is_err(), "not while it is made larger");
    lab.hosts[0].forgets.store(true, Ordering::SeqCst);
    lab.deliver().await;
    let chase = lab.volume_orders();
    lab.pass(300, &[]).await;
    assert_eq!(chase.look().await.unwrap(), Default::default(), "nobody is there to be sent to");
    lab.pass(400, &[]).await;
    assert_eq!(chase.look().await.unwrap().given_up, 3);
    let states = [(creating, "error"), (made, "error_extending"), (going, "error_deleting")];
    for (id, wanted) in states {
        assert_eq!(status(&lab, id).await, wanted);
        let told = lab.messages().await;
        let own = told.iter().find(|one| one.resource == id.to_string()).unwrap();
        assert!(own.text.contains("Host host-a has not answered"), "{}", own.text);
    }
    assert_eq!(chase.look().await.unwrap(), Default::default());
    // The host is there again, and all of it can be deleted.
    lab.hosts[0].forgets.store(false, Ordering::SeqCst);
    lab.pass(1, &["host-a"]).await;
    for id in [creating, made, going] {
        verbs.delete_volume(&caller("r"), id, VolumeRemoval::default()).await.unwrap();
    }
    lab.settle().await;
    assert_eq!(volumes(&lab).await, []);
    assert!(lab.hosts[0].volumes.there.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_backend_that_is_served_no_more_counts_as_gone() {
    let lab = lab().await;
    let id = ask(&lab).await;
    lab.hosts[0].forgets.store(true, Ordering::SeqCst);
    lab.deliver().await;
    lab.hosts[0].volumes.backends.lock().unwrap().clear();
    lab.pass(40, &["host-a"]).await;
    assert_eq!(lab.volume_orders().look().await.unwrap(), Default::default());
    lab.pass(700, &["host-a"]).await;
    assert_eq!(lab.volume_orders().look().await.unwrap().given_up, 1);
    assert_eq!(status(&lab, id).await, "error");
}

/// The world goes on after a fault.
async fn go_on(lab: &Lab) {
    for _ in 0..8 {
        let _ = lab.volume_orders().look().await;
        lab.deliver().await;
        for news in lab.take_news() {
            for _ in 0..3 {
                if lab.intake.handle(news.clone()).await.is_ok() {
                    break;
                }
            }
        }
        lab.pass(20, &["host-a"]).await;
    }
}

/// Made, made larger, with a snapshot, and deleted with it; says whether the fault has happened.
async fn live(fault_at: i64, after: bool) -> bool {
    let lab = lab().await;
    lab.faults.after.store(after, Ordering::SeqCst);
    lab.faults.commits_until_fault.store(fault_at, Ordering::SeqCst);
    let verbs = lab.volume_verbs();
    while verbs.create_volume(&caller("req-1"), wanted()).await.is_err() {}
    go_on(&lab).await;
    let made = volumes(&lab).await;
    for id in &made {
        assert_eq!(status(&lab, *id).await, "available", "fault at {fault_at}, after: {after}");
        while verbs.extend_volume(&caller("r"), *id, 2, false).await.is_err()
            && status(&lab, *id).await == "available"
        {}
        go_on(&lab).await;
        let row = lab.volume(*id).await;
        assert_eq!((row.state.status(), row.size_gib), ("available", 2));
        while verbs.create_snapshot(&caller("r"), snapshot_of(*id)).await.is_err() {}
    }
    go_on(&lab).await;
    let mut uow = lab.db.read().await.unwrap();
    let snapshots = uow.snapshots().list(&Default::default(), &Default::default()).await.unwrap();
    drop(uow);
    assert!(snapshots.iter().all(|one| one.state.status() == "available"));
    let ids: Vec<SnapshotId> = snapshots.iter().map(|one| one.id).collect();
    assert!(!ids.is_empty());
    let cascade = VolumeRemoval { cascade: true, force: false, ..VolumeRemoval::default() };
    for id in &made {
        while verbs.delete_volume(&caller("r"), *id, cascade).await.is_err()
            && status(&lab, *id).await == "available"
        {}
    }
    go_on(&lab).await;
    assert_eq!(volumes(&lab).await, [], "fault at {fault_at}, after: {after}");
    assert_eq!(lab.outbox().await, []);
    assert!(lab.hosts[0].volumes.there.lock().unwrap().is_empty());
    assert!(lab.hosts[0].volumes.snapshots.lock().unwrap().is_empty());
    lab.faults.happened.load(Ordering::SeqCst)
}

#[tokio::test]
async fn a_crash_at_any_commit_leaves_nothing() {
    for after in [false, true] {
        let mut happened = 0;
        while live(happened + 1, after).await {
            happened += 1;
        }
        // The four requests and their answers.
        assert!(happened >= 9, "only {happened} commits were hit");
    }
}
