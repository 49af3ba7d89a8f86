//! Backups: made, gone on from, restored, deleted; refused, doubled, lost, cut off.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may")]

mod lab;

use hatchery_control::Error;
use hatchery_control::volume::{
    BackupChanges, BackupQuery, BackupRequest, RestoreRequest, VolumeRequest,
};
use hatchery_model::caller::{Caller, Scope};
use hatchery_model::id::{BackupId, VolumeId};
use hatchery_model::units::Bytes;
use hatchery_model::volume::{Backup, VolumeState};
use hatchery_ports::bus::Handler;
use hatchery_ports::store::Store;
use lab::{Lab, caller};
use std::sync::atomic::Ordering;

async fn lab() -> Lab {
    Lab::new().await.with_volumes().await
}

fn of_gib(size: u64) -> VolumeRequest {
    VolumeRequest { name: Some("data".into()), size_gib: Some(size), ..VolumeRequest::default() }
}

fn of(volume: VolumeId) -> BackupRequest {
    BackupRequest {
        volume,
        snapshot: None,
        name: Some("kept".into()),
        description: None,
        container: None,
        availability_zone: None,
        metadata: Default::default(),
        incremental: false,
        force: false,
    }
}

fn admin() -> Caller {
    Caller { roles: vec!["admin".into()], ..caller("req-admin") }
}

fn stranger() -> Caller {
    let scope = Scope::Project { id: "q".into(), domain: "default".into() };
    Caller { scope, ..caller("req-stranger") }
}

fn refusal<T: std::fmt::Debug>(result: Result<T, Error>) -> String {
    match result {
        Err(Error::Invalid(text) | Error::Exhausted(text)) => text,
        other => panic!("{other:?}"),
    }
}

async fn find(lab: &Lab, id: BackupId) -> Option<Backup> {
    lab.db.read().await.unwrap().backups().find(id).await.unwrap()
}

async fn statuses(lab: &Lab, volume: VolumeId, backup: BackupId) -> (&'static str, &'static str) {
    let backup = find(lab, backup).await.unwrap();
    (lab.volume(volume).await.state.status(), backup.state.status())
}

/// A backup of the volume that stands.
async fn made(lab: &Lab, request: BackupRequest) -> BackupId {
    let id = lab.backup_verbs().create(&caller("req-b"), request).await.unwrap().id;
    lab.settle().await;
    assert_eq!(find(lab, id).await.unwrap().state.status(), "available");
    // The next one is of later.
    lab.clock.advance_micros(1);
    id
}

#[tokio::test]
async fn a_backup_lives_and_goes() {
    let lab = lab().await;
    let verbs = lab.backup_verbs();
    let volume = lab.make_volume(of_gib(2)).await;
    let id = verbs.create(&caller("req-1"), of(volume)).await.unwrap().id;
    assert_eq!(statuses(&lab, volume, id).await, ("backing-up", "creating"));
    lab.settle().await;
    assert_eq!(statuses(&lab, volume, id).await, ("available", "available"));
    lab.clock.advance_micros(1);
    let second = made(&lab, BackupRequest { incremental: true, ..of(volume) }).await;
    assert_eq!(find(&lab, second).await.unwrap().parent, Some(id));
    let shown = verbs.show(&caller("r"), id).await.unwrap();
    assert!(shown.has_dependents && shown.backup.stored == Bytes(0));
    let text = refusal(verbs.delete(&caller("r"), id, false).await);
    assert_eq!(text, "Invalid backup: Incremental backups exist for this backup.");

    let to = lab.make_volume(of_gib(3)).await;
    let request = RestoreRequest { volume: Some(to), name: None };
    let restored = verbs.restore(&caller("req-2"), second, request).await.unwrap();
    assert_eq!((restored.volume, restored.volume_name.as_deref()), (to, Some("data")));
    assert_eq!(statuses(&lab, to, second).await, ("restoring-backup", "restoring"));
    let text = refusal(verbs.delete(&caller("r"), second, false).await);
    assert_eq!(text, "Invalid backup: Backup status must be available or error");
    lab.settle().await;
    assert_eq!(statuses(&lab, to, second).await, ("available", "available"));

    let changes = BackupChanges { name: Some(Some("new".into())), ..BackupChanges::default() };
    assert_eq!(verbs.update(&caller("r"), id, changes).await.unwrap().name.unwrap(), "new");
    let query = BackupQuery { name: Some("new".into()), ..BackupQuery::default() };
    assert_eq!(verbs.list(&caller("r"), &query).await.unwrap().len(), 1);
    for id in [second, id] {
        verbs.delete(&caller("req-3"), id, false).await.unwrap();
        lab.settle().await;
        assert_eq!(find(&lab, id).await, None);
    }
    assert!(lab.hosts[0].volumes.backups.lock().unwrap().is_empty());
    assert_eq!(lab.outbox().await, []);
}

#[tokio::test]
async fn a_restore_without_a_volume_makes_one_first() {
    let lab = lab().await;
    let verbs = lab.backup_verbs();
    let volume = lab.make_volume(of_gib(2)).await;
    let id = made(&lab, of(volume)).await;
    let restored = verbs.restore(&caller("r"), id, RestoreRequest::default()).await.unwrap();
    assert_eq!(restored.volume_name.unwrap(), format!("restore_backup_{id}"));
    let new = restored.volume;
    assert_eq!(statuses(&lab, new, id).await, ("creating", "restoring"));
    assert_eq!(lab.outbox().await.len(), 1, "the restore waits for the volume");
    // Chased meanwhile, it goes on waiting.
    lab.pass(31, &["host-a"]).await;
    lab.volume_orders().look().await.unwrap();
    lab.settle().await;
    assert_eq!(statuses(&lab, new, id).await, ("available", "available"));
    assert_eq!(lab.volume(new).await.size_gib, 2);
    let done = lab.hosts[0].volumes.done.lock().unwrap().clone();
    assert_eq!(done, ["Create", "Backup", "Create", "Restore"]);

    // A volume that cannot be made.
    lab.hosts[0].volumes.fails.lock().unwrap().insert("Create", "No room.".into());
    let restored = verbs.restore(&caller("r"), id, RestoreRequest::default()).await.unwrap();
    lab.settle().await;
    assert_eq!(statuses(&lab, restored.volume, id).await, ("error", "available"));
    let reason = find(&lab, id).await.unwrap().fail_reason.unwrap();
    assert!(reason.contains("could not be made"), "{reason}");
}

#[tokio::test]
async fn what_does_not_fit_is_refused_and_leaves_nothing() {
    let lab = lab().await;
    let verbs = lab.backup_verbs();
    let volume = lab.make_volume(of_gib(2)).await;
    let user = caller("r");
    let text =
        refusal(verbs.create(&user, BackupRequest { incremental: true, ..of(volume) }).await);
    assert_eq!(text, "Invalid backup: No backups available to do an incremental backup.");
    let id = made(&lab, of(volume)).await;
    let small = lab.make_volume(of_gib(1)).await;
    let to = |volume| RestoreRequest { volume: Some(volume), name: None };
    let text = refusal(verbs.restore(&user, id, to(small)).await);
    assert!(text.ends_with("volume size 1 is too small to restore backup of size 2."), "{text}");
    // One thing at a time.
    verbs.create(&user, of(volume)).await.unwrap();
    let text = refusal(verbs.create(&user, of(volume)).await);
    assert!(text.ends_with("but the current status is \"backing-up\"."), "{text}");
    let text = refusal(verbs.restore(&user, id, to(volume)).await);
    assert!(text.ends_with("must be available"), "{text}");
    lab.settle().await;
    let set = |state: VolumeState| async {
        let mut uow = lab.db.begin().await.unwrap();
        let mut row = uow.volumes().find(volume).await.unwrap().unwrap();
        row.state = state;
        uow.volumes().update(&row).await.unwrap();
        uow.commit().await.unwrap();
    };
    set(VolumeState::InUse).await;
    let text = refusal(verbs.create(&user, of(volume)).await);
    assert!(text.ends_with("must use the force flag."), "{text}");
    let live = verbs.create(&user, BackupRequest { force: true, ..of(volume) }).await.unwrap();
    lab.settle().await;
    assert_eq!(statuses(&lab, volume, live.id).await.1, "available");
    set(VolumeState::Available).await;
    assert!(matches!(verbs.show(&stranger(), id).await, Err(Error::NotFound { .. })));
    for _ in 0..7 {
        made(&lab, of(volume)).await;
    }
    let text = refusal(verbs.create(&user, of(volume)).await);
    assert_eq!(text, "Maximum number of backups allowed (10) exceeded");
    assert_eq!(lab.volume(volume).await.state.status(), "available");
    assert_eq!(lab.outbox().await, []);
}

#[tokio::test]
async fn a_failure_is_told_and_leaves_nothing_waiting() {
    let lab = lab().await;
    let verbs = lab.backup_verbs();
    let volume = lab.make_volume(of_gib(2)).await;
    let good = made(&lab, of(volume)).await;
    for work in ["Backup", "Restore", "RemoveBackup"] {
        lab.hosts[0].volumes.fails.lock().unwrap().insert(work, "The disk is full.".into());
    }
    let id = verbs.create(&caller("r"), of(volume)).await.unwrap().id;
    lab.settle().await;
    assert_eq!(statuses(&lab, volume, id).await, ("available", "error"));
    assert_eq!(find(&lab, id).await.unwrap().fail_reason.unwrap(), "The disk is full.");
    let to = RestoreRequest { volume: Some(volume), name: None };
    verbs.restore(&caller("r"), good, to).await.unwrap();
    lab.settle().await;
    assert_eq!(statuses(&lab, volume, good).await, ("error_restoring", "available"));
    verbs.delete(&caller("r"), good, false).await.unwrap();
    lab.settle().await;
    assert_eq!(find(&lab, good).await.unwrap().state.status(), "error_deleting");
    lab.hosts[0].volumes.fails.lock().unwrap().clear();
    for id in [good, id] {
        verbs.delete(&caller("r"), id, false).await.unwrap();
    }
    lab.settle().await;
    assert_eq!((find(&lab, good).await, find(&lab, id).await), (None, None));
    assert!(verbs.reset_status(&caller("r"), id, "available").await.is_err());
    assert!(verbs.reset_status(&admin(), id, "creating").await.is_err());
}

/// An administrator ends what is being done, and the answer to it comes later.
#[tokio::test]
async fn what_is_ended_by_hand_keeps_no_volume_busy() {
    for deleted in [false, true] {
        let lab = lab().await;
        let verbs = lab.backup_verbs();
        let volume = lab.make_volume(of_gib(2)).await;
        let end = async |id| match deleted {
            true => verbs.delete(&admin(), id, true).await.unwrap(),
            false => verbs.reset_status(&admin(), id, "error").await.unwrap(),
        };
        let id = verbs.create(&caller("r"), of(volume)).await.unwrap().id;
        end(id).await;
        assert_eq!(lab.volume(volume).await.state.status(), "available", "{deleted}");
        lab.settle().await;
        assert_eq!(lab.volume(volume).await.state.status(), "available", "{deleted}");
        let good = made(&lab, of(volume)).await;
        let to = RestoreRequest { volume: Some(volume), name: None };
        verbs.restore(&caller("r"), good, to).await.unwrap();
        end(good).await;
        lab.settle().await;
        assert_eq!(lab.volume(volume).await.state.status(), "error_restoring", "{deleted}");
        assert_eq!(find(&lab, good).await.is_none(), deleted);
        assert_eq!(lab.outbox().await, []);
    }
}

#[tokio::test]
async fn answers_that_come_twice_late_or_never_cost_nothing() {
    let lab = lab().await;
    let verbs = lab.backup_verbs();
    let volume = lab.make_volume(of_gib(2)).await;
    let id = verbs.create(&caller("r"), of(volume)).await.unwrap().id;
    lab.deliver().await;
    // The answer is lost: the order is sent again, and answered again.
    lab.take_news();
    lab.pass(31, &["host-a"]).await;
    assert_eq!(lab.volume_orders().look().await.unwrap().sent_again, 1);
    lab.deliver().await;
    let news = lab.take_news();
    for _ in 0..2 {
        for one in &news {
            lab.intake.handle(one.clone()).await.unwrap();
        }
    }
    assert_eq!(statuses(&lab, volume, id).await, ("available", "available"));
    assert_eq!(lab.hosts[0].volumes.done.lock().unwrap().len(), 2);
    // A host that never comes back.
    verbs.delete(&caller("r"), id, false).await.unwrap();
    let second = verbs.create(&caller("r"), of(volume)).await.unwrap().id;
    lab.pass(700, &[]).await;
    assert_eq!(lab.volume_orders().look().await.unwrap().given_up, 2);
    assert_eq!(statuses(&lab, volume, second).await, ("available", "error"));
    assert_eq!(find(&lab, id).await.unwrap().state.status(), "error_deleting");
}

/// The process dies at any commit, just before it or just after.
#[tokio::test]
async fn a_crash_at_any_commit_leaves_nothing_half_done() {
    for after in [false, true] {
        let mut happened = 0;
        for fault_at in 1.. {
            let lab = lab().await;
            let verbs = lab.backup_verbs();
            let volume = lab.make_volume(of_gib(2)).await;
            let id = made(&lab, of(volume)).await;
            lab.faults.after.store(after, Ordering::SeqCst);
            lab.faults.commits_until_fault.store(fault_at, Ordering::SeqCst);
            // The client asks until it is answered; a refusal says that it was heard before.
            while let Err(error) = verbs.restore(&caller("r"), id, RestoreRequest::default()).await
            {
                match error {
                    Error::Unavailable { .. } => {}
                    Error::Invalid(_) => break,
                    other => panic!("{other}"),
                }
            }
            for _ in 0..6 {
                lab.deliver().await;
                for news in lab.take_news() {
                    while lab.intake.handle(news.clone()).await.is_err() {}
                }
                lab.pass(31, &["host-a"]).await;
                while lab.volume_orders().look().await.is_err() {}
            }
            let mut uow = lab.db.read().await.unwrap();
            let volumes =
                uow.volumes().list(&Default::default(), &Default::default()).await.unwrap();
            drop(uow);
            assert!(volumes.len() >= 2);
            for volume in &volumes {
                assert_eq!(volume.state.status(), "available", "{fault_at} {after}");
            }
            assert_eq!(find(&lab, id).await.unwrap().state.status(), "available");
            if !lab.faults.happened.load(Ordering::SeqCst) {
                break;
            }
            happened += 1;
        }
        assert!(happened >= 3, "only {happened} commits were hit");
    }
}
