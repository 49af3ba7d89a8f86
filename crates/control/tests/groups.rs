//! Groups of volumes: filled, kept, copied, removed; refused, not removed at once, asked for again.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may")]

mod lab;

use hatchery_control::Error;
use hatchery_control::volume::{
    GroupChanges, GroupOrigin, GroupRequest, GroupSnapshotRequest, GroupSource, NewGroupType,
    VolumeRemoval, VolumeRequest,
};
use hatchery_model::caller::Caller;
use hatchery_model::id::{GroupId, GroupSnapshotId, VolumeId};
use lab::{Lab, caller};

fn admin() -> Caller {
    Caller { roles: vec!["admin".into()], ..caller("req-admin") }
}

fn refusal<T: std::fmt::Debug>(result: Result<T, Error>) -> String {
    match result {
        Err(Error::Invalid(text) | Error::Exhausted(text)) => text,
        other => panic!("{other:?}"),
    }
}

/// A lab with an empty group of the default volume type.
async fn lab() -> (Lab, GroupId) {
    let lab = Lab::new().await.with_volumes().await;
    let new = NewGroupType {
        name: "loose".into(),
        description: None,
        is_public: true,
        specs: Default::default(),
    };
    lab.group_type_verbs().create(&admin(), new).await.unwrap();
    let made = lab.group_verbs().create(&caller("req-group"), wanted("loose")).await.unwrap();
    (lab, made.group.id)
}

fn wanted(group_type: &str) -> GroupRequest {
    GroupRequest {
        name: Some("all".into()),
        group_type: group_type.into(),
        volume_types: vec!["__DEFAULT__".into()],
        ..GroupRequest::default()
    }
}

fn inside(group: GroupId) -> VolumeRequest {
    VolumeRequest {
        size_gib: Some(1),
        volume_type: Some("__DEFAULT__".into()),
        group: Some(group),
        ..VolumeRequest::default()
    }
}

async fn status(lab: &Lab, id: GroupId) -> Option<&'static str> {
    let found = lab.group_verbs().show(&caller("req-look"), id).await.ok()?;
    Some(found.group.status(&found.volumes))
}

async fn snapshot_status(lab: &Lab, id: GroupSnapshotId) -> Option<&'static str> {
    let found = lab.group_verbs().show_snapshot(&caller("req-look"), id).await.ok()?;
    Some(found.group_snapshot.status(&found.snapshots))
}

async fn kept(lab: &Lab, group: GroupId) -> GroupSnapshotId {
    let request = GroupSnapshotRequest { group, name: Some("kept".into()), description: None };
    let made = lab.group_verbs().create_snapshot(&caller("req-s"), request).await.unwrap();
    assert_eq!(made.group_snapshot.status(&made.snapshots), "creating");
    lab.settle().await;
    made.group_snapshot.id
}

async fn members(lab: &Lab, id: GroupId) -> Vec<VolumeId> {
    let found = lab.group_verbs().show(&caller("req-look"), id).await.unwrap();
    found.volumes.iter().map(|volume| volume.id).collect()
}

fn backend_is_empty(lab: &Lab) -> bool {
    let volumes = &lab.hosts[0].volumes;
    volumes.there.lock().unwrap().is_empty() && volumes.snapshots.lock().unwrap().is_empty()
}

#[tokio::test]
async fn a_group_is_filled_kept_copied_and_goes() {
    let (lab, group) = lab().await;
    let verbs = lab.group_verbs();
    let by = caller("req-1");
    let first = lab.make_volume(inside(group)).await;
    let second = lab.make_volume(VolumeRequest { group: None, ..inside(group) }).await;
    let add = GroupChanges { add: vec![second], ..GroupChanges::default() };
    verbs.update(&by, group, add.clone()).await.unwrap();
    verbs.update(&by, group, add).await.unwrap();
    assert_eq!(members(&lab, group).await.len(), 2);
    // What is in a group neither goes alone nor is given away.
    for how in [
        VolumeRemoval::default(),
        VolumeRemoval { cascade: true, force: false, ..VolumeRemoval::default() },
        VolumeRemoval { cascade: false, force: true, ..VolumeRemoval::default() },
    ] {
        let refused = lab.volume_verbs().delete_volume(&admin(), first, how).await;
        assert!(refusal(refused).contains("belong to a group"));
    }

    let snapshot = kept(&lab, group).await;
    assert_eq!(snapshot_status(&lab, snapshot).await, Some("available"));
    let found = verbs.show_snapshot(&by, snapshot).await.unwrap();
    assert_eq!(found.snapshots.len(), 2);
    let one = found.snapshots[0].id;
    let refused = lab.volume_verbs().delete_snapshot(&admin(), one, true).await;
    assert!(refusal(refused).contains("part of a group"));
    assert!(refusal(verbs.delete(&by, group, true).await).contains("existing snapshots"));

    let source = |origin| GroupSource { name: None, description: None, origin };
    let copy = verbs.create_from(&by, source(GroupOrigin::Snapshot(snapshot))).await.unwrap();
    assert_eq!(copy.group.status(&copy.volumes), "creating");
    let twin = verbs.create_from(&by, source(GroupOrigin::Group(group))).await.unwrap();
    lab.settle().await;
    for made in [&copy, &twin] {
        assert_eq!(status(&lab, made.group.id).await, Some("available"));
        assert_eq!(members(&lab, made.group.id).await.len(), 2);
    }

    verbs.delete_snapshot(&by, snapshot).await.unwrap();
    assert_eq!(snapshot_status(&lab, snapshot).await, Some("deleting"));
    lab.settle().await;
    assert_eq!(snapshot_status(&lab, snapshot).await, None);
    let refused = verbs.delete(&by, group, false).await;
    assert!(refusal(refused).contains("delete-volumes flag is required"));
    for id in [group, copy.group.id, twin.group.id] {
        verbs.delete(&by, id, true).await.unwrap();
        assert_eq!(status(&lab, id).await, Some("deleting"));
    }
    lab.settle().await;
    for id in [group, copy.group.id, twin.group.id] {
        assert_eq!(status(&lab, id).await, None);
    }
    assert!(backend_is_empty(&lab));
}

#[tokio::test]
async fn what_could_not_be_removed_is_asked_for_again() {
    let (lab, group) = lab().await;
    let (verbs, by) = (lab.group_verbs(), caller("req-1"));
    lab.make_volume(inside(group)).await;
    let snapshot = kept(&lab, group).await;
    let fails = &lab.hosts[0].volumes.fails;
    fails.lock().unwrap().insert("RemoveSnapshot", "no".into());
    fails.lock().unwrap().insert("Remove", "no".into());
    verbs.delete_snapshot(&by, snapshot).await.unwrap();
    lab.settle().await;
    assert_eq!(snapshot_status(&lab, snapshot).await, Some("error"));
    fails.lock().unwrap().remove("RemoveSnapshot");
    verbs.delete_snapshot(&by, snapshot).await.unwrap();
    lab.settle().await;
    assert_eq!(snapshot_status(&lab, snapshot).await, None);

    verbs.delete(&by, group, true).await.unwrap();
    lab.settle().await;
    assert_eq!(status(&lab, group).await, Some("error"));
    fails.lock().unwrap().clear();
    verbs.delete(&by, group, true).await.unwrap();
    lab.settle().await;
    assert_eq!(status(&lab, group).await, None);
    assert!(backend_is_empty(&lab));
}

#[tokio::test]
async fn an_empty_group_goes_at_once() {
    let (lab, group) = lab().await;
    let verbs = lab.group_verbs();
    let snapshot = GroupSnapshotRequest { group, name: None, description: None };
    let of_nothing = verbs.create_snapshot(&caller("req-1"), snapshot).await.unwrap();
    let id = of_nothing.group_snapshot.id;
    assert_eq!(snapshot_status(&lab, id).await, Some("available"));
    verbs.delete_snapshot(&caller("req-2"), id).await.unwrap();
    assert_eq!(snapshot_status(&lab, id).await, None);
    verbs.delete(&caller("req-3"), group, false).await.unwrap();
    assert_eq!(status(&lab, group).await, None);
}

#[tokio::test]
async fn what_does_not_fit_is_refused_and_leaves_nothing() {
    let (lab, group) = lab().await;
    let (verbs, by) = (lab.group_verbs(), caller("req-1"));
    let strict = NewGroupType {
        name: "strict".into(),
        description: None,
        is_public: true,
        specs: [("consistent_group_snapshot_enabled".into(), "<is> True".into())].into(),
    };
    lab.group_type_verbs().create(&admin(), strict).await.unwrap();
    let refused = verbs.create(&by, wanted("strict")).await;
    assert!(refusal(refused).contains("consistent_group_snapshot_enabled of group type strict"));
    let refused = verbs.create(&by, wanted("nothing")).await;
    assert!(matches!(refused, Err(Error::NotFound { .. })), "{refused:?}");
    let zone = GroupRequest { availability_zone: Some("mars".into()), ..wanted("loose") };
    assert!(refusal(verbs.create(&by, zone).await).contains("'mars' is invalid"));

    let volume = lab.make_volume(inside(group)).await;
    let untyped = VolumeRequest { volume_type: None, ..inside(group) };
    let refused = lab.volume_verbs().create_volume(&by, untyped).await;
    assert!(refusal(refused).contains("volume_type must be provided"));
    let other = verbs.create(&by, wanted("loose")).await.unwrap().group.id;
    for (changes, why) in [
        (GroupChanges { add: vec![volume], ..GroupChanges::default() }, "already in group"),
        (GroupChanges { remove: vec![volume], ..GroupChanges::default() }, "not in the group"),
        (
            GroupChanges { add: vec![volume], remove: vec![volume], ..GroupChanges::default() },
            "in both",
        ),
    ] {
        assert!(refusal(verbs.update(&by, other, changes).await).contains(why), "{why}");
    }
    let remove = GroupChanges { remove: vec![volume], ..GroupChanges::default() };
    verbs.update(&by, group, remove).await.unwrap();
    assert_eq!(members(&lab, group).await, []);
    let empty = GroupSource { name: None, description: None, origin: GroupOrigin::Group(group) };
    assert!(refusal(verbs.create_from(&by, empty).await).contains("is empty"));
    for _ in 2..10 {
        verbs.create(&by, wanted("loose")).await.unwrap();
    }
    let over = verbs.create(&by, wanted("loose")).await;
    assert!(refusal(over).contains("Maximum number of groups allowed (10) exceeded"));
}
