//! Volumes plugged into servers and taken out again.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may")]

mod lab;

use hatchery_control::Error;
use hatchery_control::compute::VolumeToAttach;
use hatchery_control::volume::{VolumeRemoval, VolumeRequest};
use hatchery_model::compute::{ActionKind, EventResult};
use hatchery_model::id::{ServerId, VolumeId};
use hatchery_model::volume::AttachmentState;
use hatchery_ports::bus::Handler;
use lab::{FakeHost, Lab, caller};

async fn lab() -> Lab {
    Lab::new().await.with_volumes().await
}

async fn volume(lab: &Lab) -> VolumeId {
    lab.make_volume(VolumeRequest { size_gib: Some(1), ..VolumeRequest::default() }).await
}

async fn server(lab: &Lab) -> ServerId {
    let id = lab.create_one().await;
    lab.settle().await;
    id
}

fn plain(volume: VolumeId) -> VolumeToAttach {
    VolumeToAttach { volume, device: None, tag: None, delete_on_termination: false }
}

/// How what a request has begun came to its end.
async fn ends(lab: &Lab, server: ServerId, request: &str) -> Vec<Option<EventResult>> {
    let actions = lab.actions(server).await;
    let action = actions.into_iter().find(|one| one.request.0 == request).unwrap();
    action.events.iter().map(|event| event.result).collect()
}

async fn status(lab: &Lab, id: VolumeId) -> &'static str {
    lab.volume(id).await.state.status()
}

/// The devices that the only guest has.
fn plugged(lab: &Lab) -> Vec<String> {
    let guests = lab.hosts[0].running();
    guests[0].volumes.iter().map(|volume| volume.device.clone()).collect()
}

#[tokio::test]
async fn a_volume_is_plugged_and_taken_out() {
    let lab = lab().await;
    let (server, one, two) = (server(&lab).await, volume(&lab).await, volume(&lab).await);
    let verbs = lab.plug_verbs();
    let bound = verbs.attach(&caller("req-a"), server, plain(one)).await.unwrap();
    assert_eq!(bound.mountpoint.as_deref(), Some("/dev/vdb"));
    assert_eq!(status(&lab, one).await, "attaching");
    lab.settle().await;
    assert_eq!(status(&lab, one).await, "in-use");
    lab.pass(1, &["host-a"]).await;
    let asked = VolumeToAttach { device: Some("/dev/vdf".into()), ..plain(two) };
    verbs.attach(&caller("req-b"), server, asked).await.unwrap();
    lab.settle().await;
    assert_eq!(plugged(&lab), ["/dev/vdb", "/dev/vdf"]);
    let listed = verbs.list(&caller("r"), server).await.unwrap();
    assert_eq!(listed.iter().map(|one| one.volume).collect::<Vec<_>>(), [one, two]);
    assert!(listed.iter().all(|one| one.state == AttachmentState::Attached));

    verbs.detach(&caller("req-c"), server, one).await.unwrap();
    assert_eq!(status(&lab, one).await, "detaching");
    lab.settle().await;
    assert_eq!((status(&lab, one).await, plugged(&lab)), ("available", vec!["/dev/vdf".into()]));
    assert!(matches!(verbs.find(&caller("r"), server, one).await, Err(Error::NotFound { .. })));
    // The place is free again.
    let again = verbs.attach(&caller("req-d"), server, plain(one)).await.unwrap();
    assert_eq!(again.mountpoint.as_deref(), Some("/dev/vdb"));
    lab.settle().await;
    let events: Vec<_> = lab.actions(server).await.into_iter().flat_map(|one| one.events).collect();
    let done = |name: &str| events.iter().filter(|event| event.name == name).count();
    assert_eq!((done("compute_attach_volume"), done("compute_detach_volume")), (3, 1));
}

#[tokio::test]
async fn what_cannot_be_plugged_is_refused_and_changes_nothing() {
    let lab = lab().await;
    let (server, one, two) = (server(&lab).await, volume(&lab).await, volume(&lab).await);
    let verbs = lab.plug_verbs();
    verbs.attach(&caller("r"), server, plain(one)).await.unwrap();
    lab.settle().await;
    let device = |path: &str| VolumeToAttach { device: Some(path.into()), ..plain(two) };
    let missing = VolumeId(uuid::Uuid::from_u128(9));
    let cases = [
        (plain(one), "already attached"),
        (plain(missing), "could not be found"),
        (device("/tmp/x"), "The supplied device path (/tmp/x) is invalid."),
        (device("/dev/vdb"), "The supplied device path (/dev/vdb) is in use."),
        (device("/dev/vda"), "is in use"),
    ];
    for (new, why) in cases {
        let refused = verbs.attach(&caller("r"), server, new).await.unwrap_err();
        assert!(refused.to_string().contains(why), "{refused}");
    }
    // Another server cannot have what this one uses.
    let other = lab.create(&caller("req-2"), lab.wanted()).await.unwrap()[0].id;
    let early = verbs.attach(&caller("r"), other, plain(two)).await.unwrap_err();
    assert!(matches!(early, Error::Conflict(_)), "{early}");
    lab.settle().await;
    let used = verbs.attach(&caller("r"), other, plain(one)).await.unwrap_err();
    assert!(used.to_string().contains("the current status is in-use"), "{used}");
    assert_eq!(status(&lab, two).await, "available");
    // Nor does the volume go, or leave by the volumes' own door.
    let removal = VolumeRemoval::default();
    assert!(lab.volume_verbs().delete_volume(&caller("r"), one, removal).await.is_err());
    let bound = verbs.find(&caller("r"), server, one).await.unwrap();
    let refused = lab.volume_verbs().delete_attachment(&caller("r"), bound.id).await.unwrap_err();
    assert!(refused.to_string().contains("using the Compute API"), "{refused}");
}

#[tokio::test]
async fn a_host_that_cannot_use_the_backend_gets_none_of_its_volumes() {
    let lab = Lab::with_hosts(vec![
        FakeHost::new("host-a", 11, 8, 16_384, 100),
        FakeHost::new("host-b", 12, 8, 16_384, 100),
    ])
    .await
    .with_volumes()
    .await;
    let one = volume(&lab).await;
    let on = lab.volume(one).await.backend.unwrap().host;
    let (mut refused, mut taken) = (0, 0);
    for _ in 0..2 {
        let server = server(&lab).await;
        let attached = lab.plug_verbs().attach(&caller("r"), server, plain(one)).await;
        if lab.server(server).await.host.as_ref() == Some(&on) {
            attached.unwrap();
            taken += 1;
        } else {
            let text = attached.unwrap_err().to_string();
            assert!(text.contains("cannot use"), "{text}");
            refused += 1;
        }
    }
    assert_eq!((refused, taken), (1, 1));
}

#[tokio::test]
async fn what_the_host_cannot_do_is_told_and_leaves_nothing_reserved() {
    let lab = lab().await;
    let (server, one) = (server(&lab).await, volume(&lab).await);
    let verbs = lab.plug_verbs();
    *lab.hosts[0].plugs_fail.lock().unwrap() = Some("The bus is full.".into());
    verbs.attach(&caller("req-a"), server, plain(one)).await.unwrap();
    lab.settle().await;
    assert_eq!(status(&lab, one).await, "available");
    assert_eq!(verbs.list(&caller("r"), server).await.unwrap(), []);
    let told = lab.messages().await.remove(0);
    assert_eq!((told.action.as_str(), told.detail.as_str()), ("002", "021"));
    assert!(told.text.ends_with("The bus is full."), "{}", told.text);

    *lab.hosts[0].plugs_fail.lock().unwrap() = None;
    verbs.attach(&caller("req-b"), server, plain(one)).await.unwrap();
    lab.settle().await;
    *lab.hosts[0].plugs_fail.lock().unwrap() = Some("It does not let go.".into());
    verbs.detach(&caller("req-c"), server, one).await.unwrap();
    lab.settle().await;
    assert_eq!((status(&lab, one).await, plugged(&lab).len()), ("in-use", 1));
    let told = lab.messages().await;
    assert!(told.iter().any(|one| one.detail == "022"), "{told:?}");
}

#[tokio::test]
async fn answers_that_come_twice_or_late_change_nothing() {
    let lab = lab().await;
    let (server, one) = (server(&lab).await, volume(&lab).await);
    let verbs = lab.plug_verbs();
    verbs.attach(&caller("req-a"), server, plain(one)).await.unwrap();
    let order = lab.outbox().await.remove(0);
    lab.hand_over(&order).await;
    lab.hand_over(&order).await;
    let attached = lab.take_news();
    assert_eq!(attached.len(), 1, "an order that comes twice is done once");
    for _ in 0..2 {
        lab.intake.handle(attached[0].clone()).await.unwrap();
        assert_eq!(status(&lab, one).await, "in-use");
    }
    lab.settle().await;
    verbs.detach(&caller("req-c"), server, one).await.unwrap();
    lab.intake.handle(attached[0].clone()).await.unwrap();
    assert_eq!(status(&lab, one).await, "detaching", "a late word does not plug it again");
    lab.deliver().await;
    let detached = lab.take_news();
    for _ in 0..2 {
        lab.intake.handle(detached[0].clone()).await.unwrap();
    }
    assert_eq!(status(&lab, one).await, "available");
    verbs.attach(&caller("req-d"), server, plain(one)).await.unwrap();
    lab.intake.handle(detached[0].clone()).await.unwrap();
    assert_eq!(status(&lab, one).await, "attaching");
}

#[tokio::test]
async fn an_order_to_plug_that_was_lost_is_sent_again_and_a_silent_host_is_told_of() {
    let lab = lab().await;
    let (server, one) = (server(&lab).await, volume(&lab).await);
    let verbs = lab.plug_verbs();
    let lose = |lost: bool| lab.hosts[0].forgets.store(lost, std::sync::atomic::Ordering::SeqCst);
    lose(true);
    verbs.attach(&caller("req-a"), server, plain(one)).await.unwrap();
    lab.deliver().await;
    lose(false);
    let chase = lab.volume_orders();
    lab.pass(40, &["host-a"]).await;
    assert_eq!(chase.look().await.unwrap().sent_again, 1);
    lab.settle().await;
    assert_eq!((status(&lab, one).await, plugged(&lab).len()), ("in-use", 1));
    assert_eq!(ends(&lab, server, "req-a").await, [Some(EventResult::Success)]);
    // Nobody knows whether a host that does not come back has let go of it.
    lose(true);
    verbs.detach(&caller("req-b"), server, one).await.unwrap();
    lab.deliver().await;
    lab.pass(700, &[]).await;
    assert_eq!(chase.look().await.unwrap().given_up, 1);
    assert_eq!(status(&lab, one).await, "in-use");
    assert!(lab.messages().await[0].text.contains("counts as attached"));
    assert_eq!(ends(&lab, server, "req-b").await, [Some(EventResult::Error)]);
    lose(false);
    lab.pass(1, &["host-a"]).await;
    lose(true);
    verbs.detach(&caller("req-c"), server, one).await.unwrap();
    lab.deliver().await;
    lose(false);
    lab.pass(40, &["host-a"]).await;
    assert_eq!(chase.look().await.unwrap().sent_again, 1);
    lab.settle().await;
    assert_eq!(status(&lab, one).await, "available");
    assert_eq!(ends(&lab, server, "req-c").await, [Some(EventResult::Success)]);
}

#[tokio::test]
async fn what_a_deleted_server_has_waited_for_comes_to_its_end() {
    let lab = lab().await;
    let (server, one, two) = (server(&lab).await, volume(&lab).await, volume(&lab).await);
    let verbs = lab.plug_verbs();
    verbs.attach(&caller("req-a"), server, plain(one)).await.unwrap();
    lab.settle().await;
    lab.pass(1, &["host-a"]).await;
    lab.hosts[0].forgets.store(true, std::sync::atomic::Ordering::SeqCst);
    verbs.detach(&caller("req-b"), server, one).await.unwrap();
    verbs.attach(&caller("req-c"), server, plain(two)).await.unwrap();
    lab.deliver().await;
    lab.hosts[0].forgets.store(false, std::sync::atomic::Ordering::SeqCst);
    lab.delete(server).await.unwrap();
    lab.settle().await;
    assert_eq!((status(&lab, one).await, status(&lab, two).await), ("available", "available"));
    assert_eq!(ends(&lab, server, "req-a").await, [Some(EventResult::Success)]);
    assert_eq!(ends(&lab, server, "req-b").await, [Some(EventResult::Success)]);
    assert_eq!(ends(&lab, server, "req-c").await, [Some(EventResult::Error)]);
}

/// An administrator.
fn admin(request: &str) -> hatchery_model::caller::Caller {
    hatchery_model::caller::Caller { roles: vec!["admin".into()], ..caller(request) }
}

#[tokio::test]
async fn a_volume_takes_another_one_s_place() {
    let lab = lab().await;
    let (server, one, two) = (server(&lab).await, volume(&lab).await, volume(&lab).await);
    let verbs = lab.plug_verbs();
    let going = VolumeToAttach { delete_on_termination: true, ..plain(one) };
    verbs.attach(&caller("req-a"), server, going).await.unwrap();
    lab.settle().await;
    lab.pass(1, &["host-a"]).await;
    assert!(matches!(verbs.swap(&caller("r"), server, one, two).await, Err(Error::Denied(_))));
    verbs.swap(&admin("req-b"), server, one, two).await.unwrap();
    assert_eq!((status(&lab, one).await, status(&lab, two).await), ("detaching", "attaching"));
    // The server has one volume, whichever it is.
    let listed = verbs.list(&caller("r"), server).await.unwrap();
    assert_eq!(listed.iter().map(|one| one.volume).collect::<Vec<_>>(), [one]);
    assert!(verbs.swap(&admin("r"), server, one, two).await.is_err());
    assert!(verbs.detach(&caller("r"), server, one).await.is_err());
    lab.settle().await;
    assert_eq!((status(&lab, one).await, status(&lab, two).await), ("available", "in-use"));
    let listed = verbs.list(&caller("r"), server).await.unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].mountpoint.as_deref(), Some("/dev/vdb"));
    assert!(listed[0].guest.delete_on_termination && listed[0].guest.replaces.is_none());
    let guests = lab.hosts[0].running();
    assert_eq!(guests[0].volumes.iter().map(|one| one.volume).collect::<Vec<_>>(), [two]);
    let events: Vec<_> = lab.actions(server).await.into_iter().flat_map(|one| one.events).collect();
    assert!(events.iter().any(|event| event.name == "compute_swap_volume"));
}

#[tokio::test]
async fn a_larger_volume_takes_a_place_and_a_smaller_one_does_not() {
    let lab = lab().await;
    let (server, one) = (server(&lab).await, volume(&lab).await);
    let sized = |size| VolumeRequest { size_gib: Some(size), ..VolumeRequest::default() };
    let (large, larger) = (lab.make_volume(sized(2)).await, lab.make_volume(sized(4)).await);
    let verbs = lab.plug_verbs();
    verbs.attach(&caller("req-a"), server, plain(large)).await.unwrap();
    lab.settle().await;
    lab.pass(1, &["host-a"]).await;
    let refused = verbs.swap(&admin("r"), server, large, one).await.unwrap_err();
    assert!(matches!(refused, Error::Invalid(_)), "{refused}");
    assert!(refused.to_string().contains("New volume must be the same size or larger."));
    assert_eq!((status(&lab, large).await, status(&lab, one).await), ("in-use", "available"));
    // Nor does one go that is just being extended.
    let extended = lab.volume_verbs().extend_volume(&caller("r"), large, 3, true).await;
    extended.unwrap();
    let refused = verbs.swap(&admin("r"), server, large, larger).await.unwrap_err();
    assert!(refused.to_string().contains("must be 'in-use'"), "{refused}");
    lab.settle().await;
    // What the host does not hear is sent again, for whoever asked.
    lab.hosts[0].forgets.store(true, std::sync::atomic::Ordering::SeqCst);
    verbs.swap(&admin("req-b"), server, large, larger).await.unwrap();
    lab.deliver().await;
    lab.hosts[0].forgets.store(false, std::sync::atomic::Ordering::SeqCst);
    lab.pass(40, &["host-a"]).await;
    assert_eq!(lab.volume_orders().look().await.unwrap().sent_again, 1);
    lab.settle().await;
    assert_eq!((status(&lab, large).await, status(&lab, larger).await), ("available", "in-use"));
    assert_eq!(lab.volume(larger).await.size_gib, 4);
    assert_eq!(ends(&lab, server, "req-b").await, [Some(EventResult::Success)]);
}

#[tokio::test]
async fn a_swap_that_fails_leaves_the_old_volume() {
    let lab = lab().await;
    let (server, one, two) = (server(&lab).await, volume(&lab).await, volume(&lab).await);
    let verbs = lab.plug_verbs();
    verbs.attach(&caller("req-a"), server, plain(one)).await.unwrap();
    lab.settle().await;
    lab.pass(1, &["host-a"]).await;
    *lab.hosts[0].plugs_fail.lock().unwrap() = Some("It has no room.".into());
    verbs.swap(&admin("req-b"), server, one, two).await.unwrap();
    lab.settle().await;
    assert_eq!((status(&lab, one).await, status(&lab, two).await), ("in-use", "available"));
    assert!(lab.messages().await[0].text.contains("It has no room."));
    let action = lab.actions(server).await.into_iter().find(|one| one.request.0 == "req-b");
    assert_eq!(action.unwrap().message.as_deref(), Some("It has no room."));
}

/// Each extension of a volume that a server has is an action of that server, with its end.
#[tokio::test]
async fn a_server_is_told_that_its_volume_is_made_larger() {
    let lab = lab().await;
    let (server, one) = (server(&lab).await, volume(&lab).await);
    lab.plug_verbs().attach(&caller("req-a"), server, plain(one)).await.unwrap();
    lab.settle().await;
    let verbs = lab.volume_verbs();
    verbs.extend_volume(&caller("req-b"), one, 2, true).await.unwrap();
    let detached = lab.plug_verbs().detach(&caller("r"), server, one).await;
    assert!(detached.unwrap_err().to_string().contains("must be 'in-use'"));
    let action = |request: &'static str| {
        let all = lab.actions(server);
        async move { all.await.into_iter().find(|one| one.request.as_str() == request).unwrap() }
    };
    let begun = action("req-b").await;
    assert_eq!((begun.kind, begun.events.len()), (ActionKind::ExtendVolume, 0));
    lab.settle().await;
    assert_eq!(lab.volume(one).await.size_gib, 2);
    let done = action("req-b").await;
    let [event] = &done.events[..] else { panic!("{done:?}") };
    assert_eq!(
        (event.name.as_str(), event.result),
        ("compute_extend_volume", Some(EventResult::Success))
    );
    assert!(event.finished_at.is_some() && event.host.is_some() && done.message.is_none());

    let why = "the backend is full";
    lab.hosts[0].volumes.fails.lock().unwrap().insert("Extend", why.into());
    verbs.extend_volume(&caller("req-c"), one, 3, true).await.unwrap();
    lab.settle().await;
    assert_eq!((status(&lab, one).await, lab.volume(one).await.size_gib), ("in-use", 2));
    let failed = action("req-c").await;
    assert_eq!(
        (failed.events[0].result, failed.message.as_deref()),
        (Some(EventResult::Error), Some(why))
    );
    lab.hosts[0].volumes.fails.lock().unwrap().clear();
    // Nor does it stay open where nobody waits for the answer any more.
    verbs.extend_volume(&caller("req-e"), one, 3, true).await.unwrap();
    let mut admin = caller("req-f");
    admin.roles.push("admin".into());
    verbs.reset_volume(&admin, one, (Some("in-use"), None), false).await.unwrap();
    assert_eq!(action("req-e").await.events[0].result, Some(EventResult::Error));
    lab.settle().await;
    assert_eq!(action("req-e").await.events.len(), 1);
    // A volume that no server has is nobody's action.
    let before = lab.actions(server).await.len();
    let free = volume(&lab).await;
    verbs.extend_volume(&caller("req-d"), free, 2, true).await.unwrap();
    lab.settle().await;
    assert_eq!((lab.volume(free).await.size_gib, lab.actions(server).await.len()), (2, before));
}
