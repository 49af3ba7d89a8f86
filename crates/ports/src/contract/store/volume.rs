//! Cinder's rows.

use super::assert_conflict;
use super::fixture::id;
use crate::store::{BackupFilter, SnapshotFilter, Store, VolumeFilter};
use hatchery_model::generation::Generation;
use hatchery_model::id::{
    AttachmentId, BackupId, HostName, ImageId, ProjectId, RequestId, ServerId, SnapshotId, UserId,
    VolumeId, VolumeMessageId, VolumeTypeId,
};
use hatchery_model::page::{Direction, Page};
use hatchery_model::timestamp::Timestamp;
use hatchery_model::units::Bytes;
use hatchery_model::volume::{
    Attachment, AttachmentState, BackedUp, BackendName, Backup, BackupState, BackupUsage,
    ImageCacheEntry, ImageCacheState, NewVolume, Ordered, Snapshot, SnapshotState, Volume,
    VolumeContent, VolumeMessage, VolumeState, VolumeType, VolumeUsage, VolumeWork,
};
use std::collections::{BTreeMap, BTreeSet};

fn ordered(volume: VolumeId, sent_at: i64) -> Ordered {
    let new = NewVolume {
        volume,
        size: Bytes::from_gib(1),
        content: VolumeContent::Empty,
        holds_image: false,
    };
    Ordered {
        generation: Generation::FIRST,
        work: Box::new(VolumeWork::Create(Box::new(new))),
        sent_at: Timestamp(sent_at),
    }
}

pub(super) fn volume(project: &ProjectId, name: &str, created_at: i64) -> Volume {
    let id = VolumeId(id());
    Volume {
        id,
        generation: Generation::FIRST,
        project: project.clone(),
        user: UserId::from("a-user"),
        name: Some(name.to_owned()),
        description: Some("ünï 'quoted'".to_owned()),
        size_gib: 2,
        state: VolumeState::Creating(ordered(id, created_at)),
        backend: None,
        source: None,
        volume_type: VolumeTypeId(id.0),
        availability_zone: "nova".to_owned(),
        metadata: BTreeMap::from([("a".to_owned(), "b".to_owned())]),
        bootable: false,
        read_only: false,
        read_only_said: false,
        multiattach: false,
        image: None,
        image_metadata: BTreeMap::new(),
        source_snapshot: None,
        source_volume: None,
        group: None,
        way: None,
        migration: None,
        left_at: Vec::new(),
        created_at: Timestamp(created_at),
        updated_at: Timestamp(created_at),
    }
}

pub(super) fn snapshot(of: &Volume, created_at: i64) -> Snapshot {
    Snapshot {
        id: SnapshotId(id()),
        generation: Generation::FIRST,
        project: of.project.clone(),
        user: of.user.clone(),
        volume: of.id,
        volume_type: of.volume_type,
        name: None,
        description: None,
        size_gib: of.size_gib,
        state: SnapshotState::Available,
        metadata: BTreeMap::new(),
        group_snapshot: None,
        progress: None,
        created_at: Timestamp(created_at),
        updated_at: Timestamp(created_at),
    }
}

/// Volumes: found, listed, sorted, changed by compare-and-set, counted.
pub async fn volumes(store: &dyn Store) {
    let mut unit = store.begin().await.unwrap();
    let project = ProjectId(format!("volumes-{}", id()));
    let mut one = volume(&project, "one", -30);
    let mut two = volume(&project, "two", -20);
    two.state = VolumeState::Available;
    two.bootable = true;
    let other = volume(&ProjectId::from(id()), "one", -10);
    for row in [&one, &two, &other] {
        unit.volumes().insert(row).await.unwrap();
    }
    assert_conflict(unit.volumes().insert(&one).await);
    let rows = unit.volumes();
    assert_eq!(rows.find(one.id).await.unwrap().as_ref(), Some(&one));
    assert_eq!(rows.find(VolumeId(id())).await.unwrap(), None);
    let ours = VolumeFilter { project: Some(project.clone()), ..VolumeFilter::default() };
    let all = Page::default();
    assert_eq!(rows.list(&ours, &all).await.unwrap(), [two.clone(), one.clone()]);
    let by_name = Page { sort: vec![("name".into(), Direction::Ascending)], ..Page::default() };
    assert_eq!(rows.list(&ours, &by_name).await.unwrap(), [one.clone(), two.clone()]);
    let after = Page { marker: Some(two.id.to_string()), limit: Some(5), ..Page::default() };
    assert_eq!(rows.list(&ours, &after).await.unwrap(), [one.clone()]);
    for only_two in [
        VolumeFilter { bootable: Some(true), ..ours.clone() },
        VolumeFilter { statuses: vec!["available".into()], ..ours.clone() },
        VolumeFilter { volume_type: Some(two.volume_type), ..ours.clone() },
        VolumeFilter { name: Some("two".into()), ..ours.clone() },
    ] {
        assert_eq!(rows.list(&only_two, &all).await.unwrap(), [two.clone()], "{only_two:?}");
    }
    let waiting = rows.list_unanswered(Timestamp(-29), 9).await.unwrap();
    assert_eq!(waiting, [one.clone()], "only those that wait, and for long enough");

    one.state = VolumeState::Available;
    rows.update(&one).await.unwrap();
    assert_conflict(rows.update(&one).await);
    one.generation = one.generation.next();
    assert_eq!(rows.find(one.id).await.unwrap().as_ref(), Some(&one));
    assert_eq!(rows.list_unanswered(Timestamp(-29), 9).await.unwrap(), []);

    unit.snapshots().insert(&snapshot(&two, 3)).await.unwrap();
    let usage = VolumeUsage { volumes: 2, volume_gib: 4, snapshots: 1, snapshot_gib: 2 };
    assert_eq!(unit.volumes().usage(&project).await.unwrap(), usage);
    let nobody = ProjectId::from("nobody");
    assert_eq!(unit.volumes().usage(&nobody).await.unwrap(), VolumeUsage::default());
    for id in [one.id, two.id, other.id] {
        assert!(unit.volumes().delete(id).await.unwrap());
    }
    assert!(!unit.volumes().delete(two.id).await.unwrap());
    unit.commit().await.unwrap();
}

/// Snapshots.
pub async fn snapshots(store: &dyn Store) {
    let mut unit = store.begin().await.unwrap();
    let rows = unit.snapshots();
    let of = volume(&ProjectId(format!("snapshots-{}", id())), "of", 1);
    let mut one = snapshot(&of, 1);
    let mut two = snapshot(&of, 2);
    two.state = SnapshotState::Creating(ordered(of.id, -40));
    for row in [&one, &two] {
        rows.insert(row).await.unwrap();
    }
    assert_conflict(rows.insert(&one).await);
    let filter = SnapshotFilter { volume: Some(of.id), ..SnapshotFilter::default() };
    let all = Page::default();
    assert_eq!(rows.list(&filter, &all).await.unwrap(), [two.clone(), one.clone()]);
    let available = SnapshotFilter { statuses: vec!["available".into()], ..filter };
    assert_eq!(rows.list(&available, &all).await.unwrap(), [one.clone()]);
    assert_eq!(rows.list_unanswered(Timestamp(-39), 9).await.unwrap(), [two.clone()]);
    one.name = Some("named".to_owned());
    rows.update(&one).await.unwrap();
    assert_conflict(rows.update(&one).await);
    one.generation = one.generation.next();
    assert_eq!(rows.find(one.id).await.unwrap().as_ref(), Some(&one));
    for id in [one.id, two.id] {
        assert!(rows.delete(id).await.unwrap());
        assert!(!rows.delete(id).await.unwrap());
    }
    unit.commit().await.unwrap();
}

/// Backups.
pub async fn backups(store: &dyn Store) {
    let mut unit = store.begin().await.unwrap();
    let rows = unit.backups();
    let of = volume(&ProjectId(format!("backups-{}", id())), "of", 1);
    let backup = |created_at| Backup {
        id: BackupId(id()),
        generation: Generation::FIRST,
        project: of.project.clone(),
        user: of.user.clone(),
        volume: of.id,
        snapshot: None,
        parent: None,
        name: None,
        description: None,
        container: None,
        availability_zone: "nova".to_owned(),
        size_gib: of.size_gib,
        metadata: BTreeMap::new(),
        state: BackupState::Available,
        fail_reason: None,
        host: HostName("a-host".to_owned()),
        backend: "file".to_owned(),
        stored: Bytes(7),
        data_at: Timestamp(created_at),
        kept_as: None,
        of: BackedUp::default(),
        created_at: Timestamp(created_at),
        updated_at: Timestamp(created_at),
    };
    let mut one = backup(1);
    let mut two = Backup { parent: Some(one.id), ..backup(2) };
    two.state = BackupState::Creating(ordered(of.id, -60));
    for row in [&one, &two] {
        rows.insert(row).await.unwrap();
    }
    assert_conflict(rows.insert(&one).await);
    let filter = BackupFilter { volume: Some(of.id), ..BackupFilter::default() };
    let all = Page::default();
    assert_eq!(rows.list(&filter, &all).await.unwrap(), [two.clone(), one.clone()]);
    for only_one in [
        BackupFilter { statuses: vec!["available".into()], ..filter.clone() },
        BackupFilter {
            project: Some(of.project.clone()),
            statuses: vec!["available".into()],
            ..BackupFilter::default()
        },
    ] {
        assert_eq!(rows.list(&only_one, &all).await.unwrap(), [one.clone()]);
    }
    let children = BackupFilter { parent: Some(one.id), ..BackupFilter::default() };
    assert_eq!(rows.list(&children, &all).await.unwrap(), [two.clone()]);
    assert_eq!(rows.list_unanswered(Timestamp(-59), 9).await.unwrap(), [two.clone()]);
    let usage = BackupUsage { backups: 2, gib: 4 };
    assert_eq!(rows.usage(&of.project).await.unwrap(), usage);
    one.name = Some("named".to_owned());
    rows.update(&one).await.unwrap();
    assert_conflict(rows.update(&one).await);
    one.generation = one.generation.next();
    assert_eq!(rows.find(one.id).await.unwrap().as_ref(), Some(&one));
    let named = BackupFilter { name: Some("named".into()), ..filter };
    assert_eq!(rows.list(&named, &all).await.unwrap(), [one.clone()]);
    for id in [one.id, two.id] {
        assert!(rows.delete(id).await.unwrap());
        assert!(!rows.delete(id).await.unwrap());
    }
    unit.commit().await.unwrap();
}

/// Attachments.
pub async fn attachments(store: &dyn Store) {
    let mut unit = store.begin().await.unwrap();
    let rows = unit.attachments();
    let (volume, server) = (VolumeId(id()), ServerId(id()));
    let project = ProjectId(format!("attachments-{}", id()));
    let attachment = |server, created_at| Attachment {
        id: AttachmentId(id()),
        generation: Generation::FIRST,
        volume,
        project: project.clone(),
        server,
        state: AttachmentState::Reserved,
        host: None,
        mountpoint: Some("/dev/vdb".to_owned()),
        read_only: false,
        created_at: Timestamp(created_at),
        attached_at: None,
        guest: Default::default(),
    };
    let mut one = attachment(Some(server), 1);
    let two = attachment(None, 2);
    for row in [&two, &one] {
        rows.insert(row).await.unwrap();
    }
    assert_conflict(rows.insert(&one).await);
    assert_eq!(rows.list(None, Some(volume), None).await.unwrap(), [one.clone(), two.clone()]);
    assert_eq!(rows.list(Some(&project), None, None).await.unwrap().len(), 2);
    assert_eq!(rows.list(None, None, Some(server)).await.unwrap(), [one.clone()]);
    one.state = AttachmentState::Attached;
    rows.update(&one).await.unwrap();
    assert_conflict(rows.update(&one).await);
    one.generation = one.generation.next();
    assert_eq!(rows.find(one.id).await.unwrap(), Some(one.clone()));
    assert!(rows.delete(one.id).await.unwrap());
    assert!(!rows.delete(one.id).await.unwrap());
    unit.commit().await.unwrap();
}

/// Entries of image-volume caches.
pub async fn image_cache(store: &dyn Store) {
    let mut unit = store.begin().await.unwrap();
    let rows = unit.image_cache();
    let backend = |name: &str| BackendName {
        host: HostName(format!("{name}-{}", id())),
        backend: "ünï".to_owned(),
        pool: "p".to_owned(),
    };
    let (here, there) = (backend("a"), backend("b"));
    let entry = |backend: &BackendName, state| ImageCacheEntry {
        volume: VolumeId(id()),
        generation: Generation::FIRST,
        backend: backend.clone(),
        image: ImageId(id()),
        image_sha512: "ab".to_owned(),
        size_gib: 3,
        state,
        last_used_at: Timestamp(7),
        kept: true,
    };
    let waits = volume(&ProjectId::from("internal"), "image", 1);
    let mut one = entry(&here, ImageCacheState::Waiting(Box::new(waits)));
    let two = entry(&there, ImageCacheState::Ready);
    for row in [&two, &one] {
        rows.insert(row).await.unwrap();
    }
    assert_conflict(rows.insert(&one).await);
    assert_eq!(rows.list(Some(&here)).await.unwrap(), [one.clone()]);
    assert!(rows.list(None).await.unwrap().contains(&two));
    one.state = ImageCacheState::Building;
    rows.update(&one).await.unwrap();
    assert_conflict(rows.update(&one).await);
    one.generation = one.generation.next();
    assert_eq!(rows.find(one.volume).await.unwrap(), Some(one.clone()));
    for entry in [one, two] {
        assert!(rows.delete(entry.volume).await.unwrap());
        assert!(!rows.delete(entry.volume).await.unwrap());
    }
    unit.commit().await.unwrap();
}

/// Volume types.
pub async fn volume_types(store: &dyn Store) {
    let mut unit = store.begin().await.unwrap();
    let rows = unit.volume_types();
    let volume_type = |name: &str| VolumeType {
        id: VolumeTypeId(id()),
        name: format!("{name}-{}", id()),
        description: None,
        is_public: true,
        extra_specs: BTreeMap::from([("volume_backend_name".to_owned(), "ünï".to_owned())]),
        access: BTreeSet::from([ProjectId::from("p")]),
        qos_specs: None,
        created_at: Timestamp(1),
        updated_at: None,
    };
    let (mut one, two) = (volume_type("a"), volume_type("b"));
    for row in [&two, &one] {
        rows.insert(row).await.unwrap();
    }
    assert_conflict(rows.insert(&VolumeType { id: VolumeTypeId(id()), ..one.clone() }).await);
    assert!(rows.list().await.unwrap().is_sorted_by_key(|row| row.name.clone()));
    assert_conflict(rows.update(&VolumeType { name: two.name.clone(), ..one.clone() }).await);
    one.is_public = false;
    rows.update(&one).await.unwrap();
    assert_eq!(rows.find(one.id).await.unwrap(), Some(one.clone()));
    for id in [one.id, two.id] {
        assert!(rows.delete(id).await.unwrap());
        assert!(!rows.delete(id).await.unwrap());
    }
    unit.commit().await.unwrap();
}

/// Messages to users.
pub async fn volume_messages(store: &dyn Store) {
    let mut unit = store.begin().await.unwrap();
    let rows = unit.volume_messages();
    let project = ProjectId(format!("messages-{}", id()));
    let message = |created_at| VolumeMessage {
        id: VolumeMessageId(id()),
        project: project.clone(),
        request: RequestId::from("req-1"),
        resource_type: "VOLUME".to_owned(),
        resource: id().to_string(),
        action: "001".to_owned(),
        detail: "002".to_owned(),
        text: "It did not fit.".to_owned(),
        created_at: Timestamp(created_at),
        expires_at: Timestamp(created_at + 10),
    };
    let (one, two) = (message(1), message(2));
    for row in [&one, &two] {
        rows.insert(row).await.unwrap();
    }
    assert_conflict(rows.insert(&one).await);
    assert_eq!(rows.list(Some(&project)).await.unwrap(), [two.clone(), one.clone()]);
    assert_eq!(rows.delete_expired(Timestamp(11)).await.unwrap(), 1);
    assert_eq!(rows.find(one.id).await.unwrap(), None);
    assert_eq!(rows.find(two.id).await.unwrap(), Some(two.clone()));
    assert!(rows.delete(two.id).await.unwrap());
    assert!(!rows.delete(two.id).await.unwrap());
    unit.commit().await.unwrap();
}
