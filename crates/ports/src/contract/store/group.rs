//! Groups of volumes.

use super::assert_conflict;
use super::fixture::id;
use super::volume::{snapshot, volume};
use crate::store::{GroupFilter, SnapshotFilter, Store, VolumeFilter};
use hatchery_model::generation::Generation;
use hatchery_model::id::{GroupId, GroupSnapshotId, GroupTypeId, ProjectId, UserId, VolumeTypeId};
use hatchery_model::page::{Direction, Page};
use hatchery_model::timestamp::Timestamp;
use hatchery_model::volume::{GroupSnapshot, GroupType, VolumeGroup};
use std::collections::BTreeMap;

/// Types of groups.
pub async fn group_types(store: &dyn Store) {
    let mut unit = store.begin().await.unwrap();
    let rows = unit.group_types();
    let group_type = |name: &str| GroupType {
        id: GroupTypeId(id()),
        name: format!("{name}-{}", id()),
        description: None,
        is_public: true,
        specs: BTreeMap::from([("a".to_owned(), "ünï".to_owned())]),
        created_at: Timestamp(1),
        updated_at: None,
    };
    let (mut one, two) = (group_type("a"), group_type("b"));
    for row in [&two, &one] {
        rows.insert(row).await.unwrap();
    }
    assert_conflict(rows.insert(&GroupType { id: GroupTypeId(id()), ..one.clone() }).await);
    assert!(rows.list().await.unwrap().is_sorted_by_key(|row| row.name.clone()));
    assert_conflict(rows.update(&GroupType { name: two.name.clone(), ..one.clone() }).await);
    one.is_public = false;
    rows.update(&one).await.unwrap();
    assert_eq!(rows.find(one.id).await.unwrap(), Some(one.clone()));
    for id in [one.id, two.id] {
        assert!(rows.delete(id).await.unwrap());
        assert!(!rows.delete(id).await.unwrap());
    }
    unit.commit().await.unwrap();
}

fn group(project: &ProjectId, name: Option<&str>, created_at: i64) -> VolumeGroup {
    VolumeGroup {
        id: GroupId(id()),
        generation: Generation::FIRST,
        project: project.clone(),
        user: UserId::from("a-user"),
        name: name.map(str::to_owned),
        description: None,
        availability_zone: "nova".to_owned(),
        group_type: GroupTypeId(id()),
        volume_types: vec![VolumeTypeId(id())],
        source_group: None,
        group_snapshot: None,
        deleting: false,
        said: None,
        created_at: Timestamp(created_at),
        updated_at: Timestamp(created_at),
    }
}

/// Groups, and the volumes that are in one.
pub async fn volume_groups(store: &dyn Store) {
    let mut unit = store.begin().await.unwrap();
    let project = ProjectId(format!("groups-{}", id()));
    let (mut one, two) = (group(&project, Some("ünï"), 1), group(&project, None, 2));
    let rows = unit.volume_groups();
    for row in [&one, &two] {
        rows.insert(row).await.unwrap();
    }
    assert_conflict(rows.insert(&one).await);
    let ours = GroupFilter { project: Some(project.clone()), ..GroupFilter::default() };
    let all = Page::default();
    assert_eq!(rows.list(&ours, &all).await.unwrap(), [two.clone(), one.clone()]);
    let oldest = Page { sort: vec![("created_at".into(), Direction::Ascending)], ..all.clone() };
    assert_eq!(rows.list(&ours, &oldest).await.unwrap(), [one.clone(), two.clone()]);
    for only_one in [
        GroupFilter { name: Some("ünï".into()), ..ours.clone() },
        GroupFilter { group_type: Some(one.group_type), ..GroupFilter::default() },
    ] {
        assert_eq!(rows.list(&only_one, &all).await.unwrap(), [one.clone()], "{only_one:?}");
    }
    one.deleting = true;
    rows.update(&one).await.unwrap();
    assert_conflict(rows.update(&one).await);
    one.generation = one.generation.next();
    assert_eq!(rows.find(one.id).await.unwrap().as_ref(), Some(&one));

    let (mut inside, outside) = (volume(&project, "in", 1), volume(&project, "out", 2));
    inside.group = Some(one.id);
    let in_one = VolumeFilter { group: Some(one.id), ..VolumeFilter::default() };
    for row in [&inside, &outside] {
        unit.volumes().insert(row).await.unwrap();
    }
    assert_eq!(unit.volumes().list(&in_one, &all).await.unwrap(), [inside.clone()]);
    inside.group = None;
    unit.volumes().update(&inside).await.unwrap();
    assert_eq!(unit.volumes().list(&in_one, &all).await.unwrap(), []);
    for id in [inside.id, outside.id] {
        unit.volumes().delete(id).await.unwrap();
    }
    for id in [one.id, two.id] {
        assert!(unit.volume_groups().delete(id).await.unwrap());
        assert!(!unit.volume_groups().delete(id).await.unwrap());
    }
    unit.commit().await.unwrap();
}

/// Group snapshots, and the snapshots that are part of one.
pub async fn group_snapshots(store: &dyn Store) {
    let mut unit = store.begin().await.unwrap();
    let project = ProjectId(format!("group-snapshots-{}", id()));
    let of = GroupId(id());
    let taken = |created_at| GroupSnapshot {
        id: GroupSnapshotId(id()),
        generation: Generation::FIRST,
        project: project.clone(),
        user: UserId::from("a-user"),
        group: of,
        group_type: GroupTypeId(id()),
        name: None,
        description: None,
        deleting: false,
        said: None,
        created_at: Timestamp(created_at),
        updated_at: Timestamp(created_at),
    };
    let (mut one, two) = (taken(1), GroupSnapshot { group: GroupId(id()), ..taken(2) });
    let rows = unit.group_snapshots();
    for row in [&one, &two] {
        rows.insert(row).await.unwrap();
    }
    assert_conflict(rows.insert(&one).await);
    let ours = GroupFilter { project: Some(project.clone()), ..GroupFilter::default() };
    let all = Page::default();
    assert_eq!(rows.list(&ours, &all).await.unwrap(), [two.clone(), one.clone()]);
    let of_one = GroupFilter { group: Some(of), ..GroupFilter::default() };
    assert_eq!(rows.list(&of_one, &all).await.unwrap(), [one.clone()]);
    one.deleting = true;
    rows.update(&one).await.unwrap();
    assert_conflict(rows.update(&one).await);
    one.generation = one.generation.next();
    assert_eq!(rows.find(one.id).await.unwrap().as_ref(), Some(&one));

    let origin = volume(&project, "of", 1);
    let (mut inside, outside) = (snapshot(&origin, 1), snapshot(&origin, 2));
    inside.group_snapshot = Some(one.id);
    for row in [&inside, &outside] {
        unit.snapshots().insert(row).await.unwrap();
    }
    let in_one = SnapshotFilter { group_snapshot: Some(one.id), ..SnapshotFilter::default() };
    assert_eq!(unit.snapshots().list(&in_one, &all).await.unwrap(), [inside.clone()]);
    for id in [inside.id, outside.id] {
        unit.snapshots().delete(id).await.unwrap();
    }
    for id in [one.id, two.id] {
        assert!(unit.group_snapshots().delete(id).await.unwrap());
        assert!(!unit.group_snapshots().delete(id).await.unwrap());
    }
    unit.commit().await.unwrap();
}
