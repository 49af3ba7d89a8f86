//! Volumes that are brought to another backend: orders that fail, are lost or never answered, and volumes that are taken out of their way by force.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may")]

mod lab;

use hatchery_control::Error;
use hatchery_control::volume::{
    ManageRequest, Migration, MigrationPolicy, Retype, SnapshotRequest, VolumeRemoval,
    VolumeRequest,
};
use hatchery_model::caller::Caller;
use hatchery_model::id::{SnapshotId, VolumeId};
use hatchery_model::volume::{BackendReport, MigrationStatus, VolumeType};
use hatchery_ports::store::Store;
use lab::{FakeHost, Lab, caller};
use std::sync::atomic::Ordering;

/// A host with the backends `file` and `slow`, and one that serves only `far`; a type for each pool.
async fn lab() -> Lab {
    let hosts = [("host-a", 11), ("host-b", 12)]
        .map(|(name, number)| FakeHost::new(name, number, 8, 16_384, 100));
    let lab = Lab::with_hosts(hosts.into()).await.with_volumes().await;
    let named = |name: &str, report: &BackendReport| BackendReport {
        backend: name.into(),
        pool: name.into(),
        ..report.clone()
    };
    for (host, name, only) in [(0, "slow", false), (1, "far", true)] {
        let mut backends = lab.hosts[host].volumes.backends.lock().unwrap();
        let more = named(name, &backends[0]);
        if only {
            backends.clear();
        }
        backends.push(more);
    }
    lab.report_all().await;
    let mut uow = lab.db.begin().await.unwrap();
    let default = uow.volume_types().list().await.unwrap().remove(0);
    for (number, name) in ["file", "slow", "far"].into_iter().enumerate() {
        let specs = [("volume_backend_name".to_owned(), name.to_owned())];
        let one = VolumeType {
            id: hatchery_model::id::VolumeTypeId(uuid::Uuid::from_u128(0x50 + number as u128)),
            name: name.into(),
            extra_specs: specs.into(),
            ..default.clone()
        };
        uow.volume_types().insert(&one).await.unwrap();
    }
    uow.commit().await.unwrap();
    lab
}

fn admin() -> Caller {
    Caller { roles: vec!["admin".into()], ..caller("req-admin") }
}

async fn made(lab: &Lab) -> VolumeId {
    let request = VolumeRequest {
        size_gib: Some(1),
        volume_type: Some("file".into()),
        ..VolumeRequest::default()
    };
    lab.make_volume(request).await
}

async fn retype(lab: &Lab, id: VolumeId, to: &str, policy: MigrationPolicy) -> Result<(), Error> {
    let wanted = Retype { new_type: to.into(), policy };
    lab.volume_verbs().retype_volume(&caller("req-r"), id, &wanted).await
}

/// Where it is, its state and its `migration_status`.
async fn is(lab: &Lab, id: VolumeId) -> (String, &'static str, Option<MigrationStatus>) {
    let volume = lab.volume(id).await;
    let backend = volume.backend.as_ref().map(|at| at.backend.clone()).unwrap_or_default();
    (backend, volume.state.status(), volume.migration_status())
}

fn at(
    backend: &str,
    status: &'static str,
    migration: Option<MigrationStatus>,
) -> (String, &'static str, Option<MigrationStatus>) {
    (backend.to_owned(), status, migration)
}

async fn done(lab: &Lab) -> Vec<&'static str> {
    lab.settle().await;
    std::mem::take(&mut *lab.hosts[0].volumes.done.lock().unwrap())
}

#[tokio::test]
async fn a_type_brings_a_volume_where_it_belongs() {
    let lab = lab().await;
    let id = made(&lab).await;
    done(&lab).await;
    retype(&lab, id, "slow", MigrationPolicy::Never).await.unwrap();
    assert_eq!(is(&lab, id).await, at("file", "available", None));
    retype(&lab, id, "slow", MigrationPolicy::OnDemand).await.unwrap();
    assert_eq!(is(&lab, id).await, at("file", "retyping", Some(MigrationStatus::Migrating)));
    // Nothing else is done with it meanwhile.
    let error = retype(&lab, id, "far", MigrationPolicy::OnDemand).await.unwrap_err();
    assert!(matches!(error, Error::Invalid(_)), "{error:?}");
    let how = VolumeRemoval::default();
    lab.volume_verbs().delete_volume(&caller("r"), id, how).await.unwrap_err();
    assert_eq!(done(&lab).await, ["CopyFrom", "Remove"]);
    assert_eq!(is(&lab, id).await, at("slow", "available", Some(MigrationStatus::Success)));
    // The one host that serves `far` cannot read what is here.
    retype(&lab, id, "far", MigrationPolicy::OnDemand).await.unwrap();
    assert_eq!(is(&lab, id).await, at("slow", "available", Some(MigrationStatus::Success)));
    let to = Migration { host: "host-b@far#far".into(), lock: true };
    let error = lab.volume_verbs().migrate_volume(&admin(), id, &to).await.unwrap_err();
    assert!(error.to_string().contains("does not serve the backend slow"), "{error}");
    // A type without wishes is a matter of the row.
    retype(&lab, id, "__DEFAULT__", MigrationPolicy::Never).await.unwrap();
    let request = SnapshotRequest {
        volume: id,
        name: None,
        description: None,
        metadata: Default::default(),
        while_used: false,
    };
    lab.volume_verbs().create_snapshot(&caller("r"), request).await.unwrap();
    lab.settle().await;
    retype(&lab, id, "file", MigrationPolicy::OnDemand).await.unwrap();
    assert_eq!(is(&lab, id).await.0, "slow", "its snapshots cannot go with it");
}

#[tokio::test]
async fn a_copy_that_fails_leaves_the_volume_where_it_was() {
    let lab = lab().await;
    let id = made(&lab).await;
    let fails =
        |name, why: &str| lab.hosts[0].volumes.fails.lock().unwrap().insert(name, why.into());
    fails("CopyFrom", "No room.");
    retype(&lab, id, "slow", MigrationPolicy::OnDemand).await.unwrap();
    lab.settle().await;
    assert_eq!(is(&lab, id).await, at("file", "available", Some(MigrationStatus::Error)));
    assert_eq!(lab.volume(id).await.left_at, []);
    lab.hosts[0].volumes.fails.lock().unwrap().clear();
    // Not even what was copied could be removed. Once it is whole there, nothing is left.
    lab.hosts[0].volumes.leaves.store(true, Ordering::SeqCst);
    fails("CopyFrom", "No room.");
    retype(&lab, id, "slow", MigrationPolicy::OnDemand).await.unwrap();
    lab.settle().await;
    assert_eq!(is(&lab, id).await, at("file", "available", Some(MigrationStatus::Error)));
    assert_eq!(lab.volume(id).await.left_at[0].backend, "slow");
    lab.hosts[0].volumes.leaves.store(false, Ordering::SeqCst);
    lab.hosts[0].volumes.fails.lock().unwrap().clear();
    // It is there, and what it was copied of cannot be removed: that is done with the volume.
    fails("Remove", "Somebody has it open.");
    retype(&lab, id, "slow", MigrationPolicy::OnDemand).await.unwrap();
    lab.settle().await;
    assert_eq!(is(&lab, id).await, at("slow", "available", Some(MigrationStatus::Success)));
    assert_eq!(lab.volume(id).await.left_at.len(), 1);
    lab.hosts[0].volumes.fails.lock().unwrap().clear();
    done(&lab).await;
    let how = VolumeRemoval::default();
    lab.volume_verbs().delete_volume(&caller("r"), id, how).await.unwrap();
    assert_eq!(done(&lab).await, ["Remove", "Remove"]);
    let mut uow = lab.db.read().await.unwrap();
    assert_eq!(uow.volumes().find(id).await.unwrap(), None);
}

#[tokio::test]
async fn a_host_that_does_not_come_back_keeps_no_volume() {
    let lab = lab().await;
    let id = made(&lab).await;
    retype(&lab, id, "slow", MigrationPolicy::OnDemand).await.unwrap();
    // Lost, and sent again.
    lab.outbox().await;
    lab.hosts[0].forgets.store(true, Ordering::SeqCst);
    lab.deliver().await;
    lab.pass(40, &["host-a"]).await;
    assert_eq!(lab.volume_orders().look().await.unwrap().sent_again, 1);
    lab.deliver().await;
    lab.pass(700, &[]).await;
    assert_eq!(lab.volume_orders().look().await.unwrap().given_up, 1);
    assert_eq!(is(&lab, id).await, at("file", "available", Some(MigrationStatus::Error)));
    assert_eq!(lab.volume(id).await.left_at[0].backend, "slow");
    // The next way there begins with what is left.
    lab.hosts[0].forgets.store(false, Ordering::SeqCst);
    lab.pass(1, &["host-a"]).await;
    retype(&lab, id, "slow", MigrationPolicy::OnDemand).await.unwrap();
    lab.settle().await;
    assert_eq!(is(&lab, id).await, at("slow", "available", Some(MigrationStatus::Success)));
    assert_eq!(lab.volume(id).await.left_at, []);
}

#[tokio::test]
async fn a_volume_that_is_deleted_on_its_way_goes_from_both_places() {
    let lab = lab().await;
    let id = made(&lab).await;
    retype(&lab, id, "slow", MigrationPolicy::OnDemand).await.unwrap();
    done_nothing(&lab).await;
    let how = VolumeRemoval { force: true, ..VolumeRemoval::default() };
    lab.volume_verbs().delete_volume(&admin(), id, how).await.unwrap();
    let done = done(&lab).await;
    assert_eq!(done.iter().filter(|name| **name == "Remove").count(), 2, "{done:?}");
    let mut uow = lab.db.read().await.unwrap();
    assert_eq!(uow.volumes().find(id).await.unwrap(), None);
}

async fn done_nothing(lab: &Lab) {
    lab.hosts[0].volumes.done.lock().unwrap().clear();
}

#[tokio::test]
async fn what_could_not_be_taken_is_not_removed() {
    let lab = lab().await;
    let fails = |why: &str| lab.hosts[0].volumes.fails.lock().unwrap().insert("Manage", why.into());
    fails("It leads elsewhere.");
    let request = ManageRequest {
        host: "host-a@slow".into(),
        source_name: "x".into(),
        ..ManageRequest::default()
    };
    let managed = lab.volume_verbs().manage_volume(&admin(), request).await.unwrap();
    let id = managed.volume.id;
    assert_eq!(is(&lab, id).await.1, "managing");
    done(&lab).await;
    assert_eq!(is(&lab, id).await.1, "error_managing");
    let how = VolumeRemoval::default();
    lab.volume_verbs().delete_volume(&admin(), id, how).await.unwrap();
    assert_eq!(done(&lab).await, ["Unmanage"]);

    let id = made(&lab).await;
    done(&lab).await;
    let how = VolumeRemoval { keep_bytes: true, ..VolumeRemoval::default() };
    let error = lab.volume_verbs().delete_volume(&caller("r"), id, how).await.unwrap_err();
    assert!(matches!(error, Error::Denied(_)), "{error:?}");
    lab.volume_verbs().delete_volume(&admin(), id, how).await.unwrap();
    assert_eq!(is(&lab, id).await.1, "unmanaging");
    assert_eq!(done(&lab).await, ["Unmanage"]);
}

/// A snapshot that is asked for under this name, and its state.
async fn snapshot_named(lab: &Lab, volume: VolumeId, name: &str) -> Result<SnapshotId, Error> {
    let request = SnapshotRequest {
        volume,
        name: Some("s".into()),
        description: None,
        metadata: Default::default(),
        while_used: true,
    };
    let made = lab.volume_verbs().manage_snapshot(&admin(), request, name).await?;
    assert_eq!((made.state.status(), made.size_gib), ("creating", 1));
    Ok(made.id)
}

async fn is_snapshot(lab: &Lab, id: SnapshotId) -> Option<(&'static str, u64)> {
    lab.find_snapshot(id).await.map(|found| (found.state.status(), found.size_gib))
}

#[tokio::test]
async fn a_snapshot_comes_in_and_goes_out() {
    let lab = lab().await;
    let id = made(&lab).await;
    let error = snapshot_named(&lab, id, "theirs").await.unwrap_err();
    assert!(matches!(&error, Error::Invalid(text) if text.contains("Ceph")), "{error:?}");
    for report in lab.hosts[0].volumes.backends.lock().unwrap().iter_mut() {
        report.protocol = "ceph".into();
    }
    lab.report_all().await;
    done(&lab).await;
    let taken = snapshot_named(&lab, id, "theirs").await.unwrap();
    let sent = lab.outbox().await;
    assert_eq!(done(&lab).await, ["ManageSnapshot"]);
    assert_eq!(is_snapshot(&lab, taken).await, Some(("available", 2)));
    // Sent again, the order changes nothing.
    for envelope in &sent {
        lab.hand_over(envelope).await;
    }
    lab.settle().await;
    assert_eq!(is_snapshot(&lab, taken).await, Some(("available", 2)));
    let error = snapshot_named(&lab, id, &format!("snapshot-{taken}")).await.unwrap_err();
    assert!(matches!(&error, Error::Invalid(text) if text.contains("already")), "{error:?}");

    let verbs = lab.volume_verbs();
    let error = verbs.unmanage_snapshot(&caller("r"), taken).await.unwrap_err();
    assert!(matches!(error, Error::Denied(_)), "{error:?}");
    verbs.unmanage_snapshot(&admin(), taken).await.unwrap();
    assert_eq!(is_snapshot(&lab, taken).await, Some(("unmanaging", 2)));
    done_nothing(&lab).await;
    assert_eq!(done(&lab).await, ["UnmanageSnapshot"]);
    assert_eq!(is_snapshot(&lab, taken).await, None);
}

#[tokio::test]
async fn a_snapshot_that_could_not_be_taken_is_not_removed() {
    let lab = lab().await;
    for report in lab.hosts[0].volumes.backends.lock().unwrap().iter_mut() {
        report.protocol = "ceph".into();
    }
    lab.report_all().await;
    let id = made(&lab).await;
    let verbs = lab.volume_verbs();
    let all = &lab.hosts[0].volumes.fails;
    all.lock().unwrap().insert("ManageSnapshot", "There is none.".into());
    let missing = snapshot_named(&lab, id, "none").await.unwrap();
    done(&lab).await;
    all.lock().unwrap().clear();
    assert_eq!(is_snapshot(&lab, missing).await, Some(("error", 1)));
    let told = lab.messages().await;
    assert!(told.iter().any(|one| one.text.contains("manage existing snapshot")), "{told:?}");
    verbs.delete_snapshot(&admin(), missing, false).await.unwrap();
    assert_eq!(done(&lab).await, ["UnmanageSnapshot"]);
    assert_eq!(is_snapshot(&lab, missing).await, None);

    // Nor one whose taking is given up before its answer.
    let taken = snapshot_named(&lab, id, "theirs").await.unwrap();
    verbs.delete_snapshot(&admin(), taken, true).await.unwrap();
    done(&lab).await;
    assert_eq!(is_snapshot(&lab, taken).await, None);

    let taken = snapshot_named(&lab, id, "theirs").await.unwrap();
    done(&lab).await;
    all.lock().unwrap().insert("UnmanageSnapshot", "Not now.".into());
    verbs.unmanage_snapshot(&admin(), taken).await.unwrap();
    done(&lab).await;
    assert_eq!(is_snapshot(&lab, taken).await, Some(("error_deleting", 2)));
}
