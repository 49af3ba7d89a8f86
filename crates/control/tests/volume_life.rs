//! A volume's life: made, made larger, copied, put back, deleted; and what is refused on the way.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may")]

mod lab;

use hatchery_control::Error;
use hatchery_control::volume::{
    Connector, SnapshotRequest, VolumeChanges, VolumeRemoval, VolumeRequest, VolumeSource,
};
use hatchery_model::id::{SnapshotId, VolumeId};
use hatchery_model::provision::Rung;
use hatchery_model::volume::AttachmentState;
use hatchery_ports::store::Store;
use lab::{Lab, caller};

async fn lab() -> Lab {
    Lab::new().await.with_volumes().await
}

fn of_gib(size: u64) -> VolumeRequest {
    VolumeRequest { name: Some("data".into()), size_gib: Some(size), ..VolumeRequest::default() }
}

fn of(source: VolumeSource) -> VolumeRequest {
    VolumeRequest { source, ..VolumeRequest::default() }
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

async fn status(lab: &Lab, id: VolumeId) -> &'static str {
    lab.volume(id).await.state.status()
}

async fn snapshot(lab: &Lab, volume: VolumeId) -> SnapshotId {
    let made = lab.volume_verbs().create_snapshot(&caller("req-s"), snapshot_of(volume)).await;
    let id = made.unwrap().id;
    lab.settle().await;
    assert_eq!(lab.find_snapshot(id).await.unwrap().state.status(), "available");
    id
}

/// Nothing is left: no row, order or byte.
async fn assert_nothing_left(lab: &Lab) {
    let mut uow = lab.db.read().await.unwrap();
    assert_eq!(uow.volumes().list(&Default::default(), &Default::default()).await.unwrap(), []);
    assert_eq!(uow.snapshots().list(&Default::default(), &Default::default()).await.unwrap(), []);
    assert_eq!(uow.attachments().list(None, None, None).await.unwrap(), []);
    drop(uow);
    assert_eq!(lab.outbox().await, []);
    for host in &lab.hosts {
        assert!(host.volumes.there.lock().unwrap().is_empty());
        assert!(host.volumes.snapshots.lock().unwrap().is_empty());
    }
}

#[tokio::test]
async fn a_volume_lives_and_goes() {
    let lab = lab().await;
    let verbs = lab.volume_verbs();
    let made = verbs.create_volume(&caller("req-1"), of_gib(2)).await.unwrap();
    assert_eq!(made.volume.state.status(), "creating");
    assert_eq!(made.type_name.as_deref(), Some("__DEFAULT__"));
    assert_eq!(made.volume.backend.unwrap().to_string(), "host-a@file#file");
    let id = made.volume.id;
    lab.settle().await;
    let volume = lab.volume(id).await;
    assert_eq!(volume.state.status(), "available");
    assert!(volume.source.is_some() && !volume.bootable && volume.way.is_none());

    verbs.extend_volume(&caller("req-2"), id, 5, false).await.unwrap();
    assert_eq!(status(&lab, id).await, "extending");
    assert_eq!(lab.volume(id).await.size_gib, 2);
    lab.settle().await;
    assert_eq!((status(&lab, id).await, lab.volume(id).await.size_gib), ("available", 5));

    let first = snapshot(&lab, id).await;
    let moved = lab.volume(id).await.source;
    assert_ne!(moved, volume.source, "a snapshot moves the volume's bytes");
    let copy = lab.make_volume(of(VolumeSource::Snapshot(first))).await;
    let twin = lab.make_volume(of(VolumeSource::Volume(id))).await;
    assert_eq!(lab.volume(copy).await.size_gib, 5);
    assert_eq!(lab.volume(twin).await.source_volume, Some(id));

    verbs.revert_volume(&caller("req-3"), id, first).await.unwrap();
    assert_eq!(status(&lab, id).await, "reverting");
    assert_eq!(lab.find_snapshot(first).await.unwrap().state.status(), "restoring");
    lab.settle().await;
    assert_eq!(status(&lab, id).await, "available");
    assert_eq!(lab.find_snapshot(first).await.unwrap().state.status(), "available");

    verbs.delete_snapshot(&caller("req-4"), first, false).await.unwrap();
    lab.settle().await;
    for id in [id, copy, twin] {
        verbs.delete_volume(&caller("req-5"), id, VolumeRemoval::default()).await.unwrap();
    }
    lab.settle().await;
    assert_nothing_left(&lab).await;
    assert_eq!(lab.messages().await, []);
}

#[tokio::test]
async fn a_volume_from_an_image_is_bootable_and_tells_its_way() {
    let lab = lab().await;
    let request = VolumeRequest { size_gib: Some(3), ..of(VolumeSource::Image(lab.image)) };
    let id = lab.make_volume(request).await;
    let volume = lab.volume(id).await;
    assert!(volume.bootable);
    assert_eq!(volume.image, Some(lab.image));
    assert_eq!(volume.image_metadata["image_id"], lab.image.to_string());
    assert_eq!(volume.image_metadata["disk_format"], "qcow2");
    let way = volume.way.unwrap();
    assert_eq!((way.rung, way.refused.len()), (Rung::HardLink, 0));
    assert_eq!((way.bytes_copied.unwrap().0, way.took_ms), (0, Some(12)));
    // What is made of it says the same of the image.
    let copy = lab.make_volume(of(VolumeSource::Volume(id))).await;
    let copy = lab.volume(copy).await;
    assert!(copy.bootable && copy.image_metadata == volume.image_metadata);
}

#[tokio::test]
async fn what_does_not_fit_is_refused_and_leaves_nothing() {
    let lab = lab().await;
    let verbs = lab.volume_verbs();
    let own = lab.make_volume(of_gib(4)).await;
    let snap = snapshot(&lab, own).await;
    let missing = VolumeId(uuid::Uuid::from_u128(77));
    let sized = |size, source| VolumeRequest { size_gib: Some(size), ..of(source) };
    let cases = [
        (of(VolumeSource::Empty), "must be an integer and greater than 0"),
        (sized(0, VolumeSource::Empty), "'0' must be an integer"),
        (sized(3, VolumeSource::Volume(own)), "cannot be smaller than original volume size  4GB"),
        (sized(3, VolumeSource::Snapshot(snap)), "cannot be smaller than the snapshot size 4GB"),
        (of(VolumeSource::Volume(missing)), "could not be found"),
        (
            VolumeRequest { volume_type: Some("gold".into()), ..of_gib(1) },
            "Volume type with name gold",
        ),
        (
            VolumeRequest { availability_zone: Some("mars".into()), ..of_gib(1) },
            "'mars' is invalid",
        ),
        (
            VolumeRequest { metadata: [("k".repeat(256), "v".into())].into(), ..of_gib(1) },
            "greater than 255",
        ),
    ];
    for (request, why) in cases {
        let refused = verbs.create_volume(&caller("req-x"), request.clone()).await.unwrap_err();
        assert!(refused.to_string().contains(why), "{request:?}: {refused}");
    }
    let refused = verbs.extend_volume(&caller("req-x"), own, 4, false).await.unwrap_err();
    assert!(refused.to_string().contains("must be greater than current size. (current: 4"));
    lab.settle().await;
    let all = Default::default();
    assert_eq!(verbs.list_volumes(&caller("req-l"), &all).await.unwrap().len(), 1);
}

#[tokio::test]
async fn another_project_sees_nothing_and_a_reader_changes_nothing() {
    let lab = lab().await;
    let verbs = lab.volume_verbs();
    let id = lab.make_volume(of_gib(1)).await;
    let mut stranger = caller("req-2");
    stranger.scope =
        hatchery_model::caller::Scope::Project { id: "q".into(), domain: "default".into() };
    let removal = VolumeRemoval::default();
    for refused in [
        verbs.find_volume(&stranger, id).await.map(drop),
        verbs.delete_volume(&stranger, id, removal).await,
        verbs.extend_volume(&stranger, id, 9, false).await,
        verbs.create_volume(&stranger, of(VolumeSource::Volume(id))).await.map(drop),
    ] {
        assert!(matches!(refused, Err(Error::NotFound { .. })), "{refused:?}");
    }
    let mut reader = caller("req-3");
    reader.roles = vec!["reader".into()];
    verbs.find_volume(&reader, id).await.unwrap();
    for refused in [
        verbs.delete_volume(&reader, id, removal).await,
        verbs.update_volume(&reader, id, VolumeChanges::default()).await.map(drop),
        verbs.create_volume(&reader, of_gib(1)).await.map(drop),
        verbs.create_snapshot(&reader, snapshot_of(id)).await.map(drop),
    ] {
        assert!(matches!(refused, Err(Error::Denied(_))), "{refused:?}");
    }
    let force = VolumeRemoval { force: true, cascade: false, ..VolumeRemoval::default() };
    assert!(matches!(verbs.delete_volume(&caller("r"), id, force).await, Err(Error::Denied(_))));
    assert_eq!(status(&lab, id).await, "available");
}

#[tokio::test]
async fn a_volume_that_is_used_stays() {
    let lab = lab().await;
    let verbs = lab.volume_verbs();
    let id = lab.make_volume(of_gib(1)).await;
    let user = caller("req-2");
    let bound = verbs.create_attachment(&user, id, None, None, false).await.unwrap().attachment;
    assert_eq!((bound.state, status(&lab, id).await), (AttachmentState::Reserved, "reserved"));
    let removal = VolumeRemoval::default();
    assert!(matches!(verbs.delete_volume(&user, id, removal).await, Err(Error::Invalid(_))));
    let twice = verbs.create_attachment(&user, id, None, None, false).await.unwrap_err();
    assert!(twice.to_string().contains("current status is reserved"), "{twice}");
    let connector = Connector {
        host: Some("elsewhere".into()),
        mountpoint: Some("/dev/vdc".into()),
        read_only: false,
    };
    let shown = verbs.update_attachment(&user, bound.id, connector).await.unwrap();
    assert_eq!(shown.attachment.mountpoint.as_deref(), Some("/dev/vdc"));
    assert_eq!(status(&lab, id).await, "attaching");
    verbs.complete_attachment(&user, bound.id).await.unwrap();
    assert_eq!(status(&lab, id).await, "in-use");
    let removal = VolumeRemoval { cascade: true, force: false, ..VolumeRemoval::default() };
    let refused = verbs.delete_volume(&user, id, removal).await.unwrap_err();
    assert!(refused.to_string().contains("must not be migrating, attached"), "{refused}");
    let mut admin = caller("req-3");
    admin.roles.push("admin".into());
    let force = VolumeRemoval { cascade: true, force: true, ..VolumeRemoval::default() };
    assert!(matches!(verbs.delete_volume(&admin, id, force).await, Err(Error::Invalid(_))));
    // Made larger while it is used, where that is asked for.
    assert!(verbs.extend_volume(&user, id, 2, false).await.is_err());
    verbs.extend_volume(&user, id, 2, true).await.unwrap();
    lab.settle().await;
    assert_eq!((status(&lab, id).await, lab.volume(id).await.size_gib), ("in-use", 2));
    assert_eq!(verbs.delete_attachment(&user, bound.id).await.unwrap(), []);
    assert_eq!(status(&lab, id).await, "available");
    verbs.delete_volume(&user, id, VolumeRemoval::default()).await.unwrap();
    lab.settle().await;
    assert_nothing_left(&lab).await;
}

#[tokio::test]
async fn a_volume_with_snapshots_goes_only_with_them_and_after_them() {
    let lab = lab().await;
    let verbs = lab.volume_verbs();
    let id = lab.make_volume(of_gib(1)).await;
    let (first, _second) = (snapshot(&lab, id).await, snapshot(&lab, id).await);
    let plain = verbs.delete_volume(&caller("r"), id, VolumeRemoval::default()).await;
    assert!(matches!(plain, Err(Error::Invalid(_))));
    let old = verbs.revert_volume(&caller("r"), id, first).await.unwrap_err();
    assert!(old.to_string().contains("not the latest one"), "{old}");
    let cascade = VolumeRemoval { cascade: true, force: false, ..VolumeRemoval::default() };
    verbs.delete_volume(&caller("r"), id, cascade).await.unwrap();
    assert_eq!(lab.outbox().await.len(), 2, "the volume's own removal waits");
    lab.settle().await;
    assert_nothing_left(&lab).await;
    let done = lab.hosts[0].volumes.done.lock().unwrap().clone();
    assert_eq!(done[done.len() - 3..], ["RemoveSnapshot", "RemoveSnapshot", "Remove"]);
}

#[tokio::test]
async fn what_something_is_made_of_waits_until_it_is_made() {
    let lab = lab().await;
    let verbs = lab.volume_verbs();
    let id = lab.make_volume(of_gib(1)).await;
    let snap = snapshot(&lab, id).await;
    let copy = verbs.create_volume(&caller("r"), of(VolumeSource::Volume(id))).await.unwrap();
    let other = verbs.create_volume(&caller("r"), of(VolumeSource::Snapshot(snap))).await.unwrap();
    let cascade = VolumeRemoval { cascade: true, force: false, ..VolumeRemoval::default() };
    verbs.delete_volume(&caller("r"), id, cascade).await.unwrap();
    // Even when the orders arrive in any other order.
    let mut orders = lab.outbox().await;
    assert_eq!(orders.len(), 2, "only what is made has been ordered");
    orders.reverse();
    for order in orders {
        lab.hand_over(&order).await;
    }
    lab.hear().await;
    lab.settle().await;
    for made in [copy, other] {
        assert_eq!(status(&lab, made.volume.id).await, "available");
    }
    assert!(lab.find_volume(id).await.is_none());
}

#[tokio::test]
async fn no_request_takes_more_than_the_quota_leaves() {
    let lab = lab().await;
    let verbs = lab.volume_verbs();
    let wanted = (0..14).map(|_| {
        let verbs = verbs.clone();
        tokio::spawn(async move { verbs.create_volume(&caller("r"), of_gib(1)).await })
    });
    let (mut made, mut refused) = (0, 0);
    for wanted in wanted.collect::<Vec<_>>() {
        match wanted.await.unwrap() {
            Ok(_) => made += 1,
            Err(Error::Exhausted(text)) => {
                refused += 1;
                assert_eq!(
                    text,
                    "Maximum number of volumes allowed (10) exceeded for quota 'volumes'."
                );
            }
            Err(other) => panic!("{other}"),
        }
    }
    assert_eq!((made, refused), (10, 4));
    lab.settle().await;
    let all = verbs.list_volumes(&caller("r"), &Default::default()).await.unwrap();
    let id = all[0].volume.id;
    // 10 GiB are there; two growths at once cannot both have what is left.
    verbs.extend_volume(&caller("r"), id, 500, false).await.unwrap();
    let second = verbs.extend_volume(&caller("r"), all[1].volume.id, 500, false).await;
    let text = second.unwrap_err().to_string();
    assert!(text.contains("Requested 499G, quota is 1000G and 509G has been consumed"), "{text}");
}

#[tokio::test]
async fn a_type_chooses_its_backend_and_what_no_backend_takes_is_told() {
    let lab = lab().await;
    let mut uow = lab.db.begin().await.unwrap();
    let mut gold = uow.volume_types().list().await.unwrap().remove(0);
    gold.id = hatchery_model::id::VolumeTypeId(uuid::Uuid::from_u128(5));
    gold.name = "gold".into();
    gold.extra_specs.insert("volume_backend_name".into(), "ssd".into());
    uow.volume_types().insert(&gold).await.unwrap();
    uow.commit().await.unwrap();
    let verbs = lab.volume_verbs();
    let wanted = || VolumeRequest { volume_type: Some("gold".into()), ..of_gib(1) };
    let failed = verbs.create_volume(&caller("req-gold"), wanted()).await.unwrap();
    assert_eq!(failed.volume.state.status(), "error");
    assert_eq!(lab.outbox().await, []);
    let told = lab.messages().await.remove(0);
    assert_eq!((told.action.as_str(), told.detail.as_str()), ("001", "003"));
    assert_eq!((told.resource, told.request.as_str()), (failed.volume.id.to_string(), "req-gold"));
    assert!(
        told.text.contains("the type gold asks for volume_backend_name = ssd"),
        "{}",
        told.text
    );
    // It goes without a host being asked.
    verbs.delete_volume(&caller("r"), failed.volume.id, VolumeRemoval::default()).await.unwrap();
    assert!(lab.find_volume(failed.volume.id).await.is_none());

    lab.hosts[0].volumes.backends.lock().unwrap().push(lab::backend("ssd"));
    lab.report_all().await;
    let made = verbs.create_volume(&caller("r"), wanted()).await.unwrap();
    assert_eq!(made.volume.backend.unwrap().pool, "ssd");
}

/// A cluster that has just been made tells its room some seconds later.
#[tokio::test]
async fn a_full_backend_takes_nothing_and_one_that_has_not_counted_takes_all() {
    use hatchery_model::units::Bytes;
    let lab = lab().await;
    for (total, status) in [(Bytes::from_gib(100), "error"), (Bytes(0), "creating")] {
        for host in &lab.hosts {
            let mut one = lab::backend("file");
            (one.total, one.free) = (total, Bytes(0));
            *host.volumes.backends.lock().unwrap() = vec![one];
        }
        lab.report_all().await;
        let made = lab.volume_verbs().create_volume(&caller("r"), of_gib(1)).await.unwrap();
        assert_eq!(made.volume.state.status(), status);
    }
}
