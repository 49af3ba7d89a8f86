//! The image-volume cache: one copy of an image for a backend, bounds that always hold, and nothing left of what leaves or fails.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may")]

mod lab;

use hatchery_control::volume::{
    InternalTenant, VolumeQuery, VolumeRemoval, VolumeRequest, VolumeSource, ensure_internal_tenant,
};
use hatchery_model::id::{ImageId, VolumeId};
use hatchery_model::image::ImageState;
use hatchery_model::provision::Rung;
use hatchery_model::units::Bytes;
use hatchery_model::volume::{
    ImageCacheBounds, ImageCacheEntry, ImageCacheState, Volume, VolumeQuota,
};
use hatchery_ports::clock::Clock;
use hatchery_ports::store::{Store, VolumeFilter};
use lab::{FakeHost, Lab, caller};
use std::collections::BTreeSet;
use uuid::Uuid;

/// A cloud whose one backend has to copy images, with a cache of these bounds, and images of 1 GiB with the numbers 1 to 10.
async fn lab(max_gib: u64, max_count: u64) -> (Lab, InternalTenant) {
    let lab = Lab::with_hosts(vec![FakeHost::new("host-a", 11, 8, 16_384, 100)]).await;
    let lab = lab.with_volumes().await;
    {
        let mut backends = lab.hosts[0].volumes.backends.lock().unwrap();
        let report = &mut backends[0];
        report.image_cache = Some(ImageCacheBounds { max_gib, max_count });
        let file = report.target.file.as_mut().unwrap();
        file.hard_link = Err("images and volumes are on two filesystems".into());
    }
    lab.report_all().await;
    let now = lab.clock.now();
    let tenant = ensure_internal_tenant(&*lab.db, &*lab.entropy, now, None).await.unwrap();
    let again = ensure_internal_tenant(&*lab.db, &*lab.entropy, now, None).await.unwrap();
    assert_eq!(tenant, again);
    let mut uow = lab.db.begin().await.unwrap();
    for number in 2..=10 {
        let mut image = lab::image(now);
        image.id = image_id(number);
        uow.images().insert(&image).await.unwrap();
    }
    let quota = VolumeQuota { volumes: 1000, gigabytes: 10_000, ..VolumeQuota::default() };
    let limits = hatchery_control::volume::VolumeLimits { quota, of_types: Default::default() };
    hatchery_control::volume::put_limits(&mut *uow, &"p".into(), Some(&limits)).await.unwrap();
    uow.commit().await.unwrap();
    (lab, tenant)
}

fn image_id(number: u128) -> ImageId {
    ImageId(Uuid::from_u128(number))
}

fn of_image(number: u128, size: u64) -> VolumeRequest {
    let source = VolumeSource::Image(image_id(number));
    VolumeRequest { source, size_gib: Some(size), ..VolumeRequest::default() }
}

async fn ask(lab: &Lab, number: u128) -> VolumeId {
    let made = lab.volume_verbs().create_volume(&caller("req-c"), of_image(number, 2)).await;
    made.unwrap().volume.id
}

async fn entries(lab: &Lab) -> Vec<ImageCacheEntry> {
    lab.db.read().await.unwrap().image_cache().list(None).await.unwrap()
}

async fn of_tenant(lab: &Lab, tenant: &InternalTenant) -> Vec<Volume> {
    let filter = VolumeFilter { project: Some(tenant.project.clone()), ..VolumeFilter::default() };
    let mut uow = lab.db.read().await.unwrap();
    uow.volumes().list(&filter, &Default::default()).await.unwrap()
}

fn copied(lab: &Lab) -> Vec<ImageId> {
    lab.hosts[0].volumes.copied.lock().unwrap().clone()
}

/// What is there of the cache, in rows and in bytes, is within the bounds.
async fn assert_bounds(lab: &Lab, tenant: &InternalTenant, most: usize) {
    let volumes = of_tenant(lab, tenant).await;
    assert!(volumes.len() <= most, "{} volumes", volumes.len());
    let all = entries(lab).await;
    let waits = |entry: &&ImageCacheEntry| matches!(entry.state, ImageCacheState::Waiting(_));
    assert!(all.len() - all.iter().filter(waits).count() <= most, "{all:?}");
    let serving: Vec<ImageId> =
        all.iter().filter(|entry| entry.serves()).map(|entry| entry.image).collect();
    let different: BTreeSet<_> = serving.iter().collect();
    assert_eq!(serving.len(), different.len(), "an image is there twice");
}

/// Every order is delivered and every answer heard, one at a time in an order drawn from the seed, and the bounds are looked at after each.
async fn settle_at_random(lab: &Lab, tenant: &InternalTenant, most: usize, mut seed: u64) {
    loop {
        let orders = lab.outbox().await;
        if orders.is_empty() {
            return;
        }
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let order = &orders[(seed >> 33) as usize % orders.len()];
        lab.hand_over(order).await;
        let mut uow = lab.db.begin().await.unwrap();
        uow.outbox().delete(&[order.id]).await.unwrap();
        uow.commit().await.unwrap();
        assert_bounds(lab, tenant, most).await;
        lab.hear().await;
        assert_bounds(lab, tenant, most).await;
    }
}

#[tokio::test]
async fn the_first_brings_the_image_in_and_the_others_wait_and_clone() {
    let (lab, tenant) = lab(0, 0).await;
    let mut ids = Vec::new();
    for _ in 0..5 {
        ids.push(ask(&lab, 1).await);
    }
    assert_eq!(lab.outbox().await.len(), 1, "only the image's own volume is ordered");
    lab.settle().await;
    assert_eq!(copied(&lab), [image_id(1)]);
    let kept = of_tenant(&lab, &tenant).await.remove(0);
    assert_eq!((kept.size_gib, kept.user.clone()), (1, tenant.user.clone()));
    assert_eq!(kept.name, Some(format!("image-{}", image_id(1))));
    for (index, id) in ids.iter().enumerate() {
        let volume = lab.volume(*id).await;
        assert_eq!((volume.state.status(), volume.size_gib), ("available", 2));
        let way = volume.way.unwrap();
        let (rung, bytes) = match index {
            0 => (Rung::DownloadAndConvert, Bytes::from_mib(20)),
            _ => (Rung::CloneFromCache, Bytes(0)),
        };
        assert_eq!((way.rung, way.bytes_copied), (rung, Some(bytes)), "{index}");
        let cache = way.refused.iter().find(|one| one.rung == Rung::CloneFromCache);
        assert_eq!(cache.is_some(), index == 0);
        assert!(way.refused.iter().any(|one| one.reason.contains("two filesystems")));
    }
    // Its user neither sees it nor pays for it; an administrator sees it.
    let verbs = lab.volume_verbs();
    let own = verbs.list_volumes(&caller("req-l"), &VolumeQuery::default()).await.unwrap();
    assert_eq!(own.len(), 5);
    let mut admin = caller("req-a");
    admin.roles.push("admin".into());
    let all = VolumeQuery { all_projects: true, ..VolumeQuery::default() };
    let seen = verbs.list_volumes(&admin, &all).await.unwrap();
    assert!(seen.iter().any(|one| one.volume.id == kept.id));
    let mut uow = lab.db.read().await.unwrap();
    assert_eq!(uow.volumes().usage(&"p".into()).await.unwrap().volumes, 5);
}

#[tokio::test]
async fn fifty_at_once_of_ten_images_stay_within_the_bounds() {
    for (seed, most) in [(1, 3), (2, 1), (3, 10), (4, 4)] {
        let (lab, tenant) = lab(0, most).await;
        let most = most as usize;
        let mut ids = Vec::new();
        for round in 0..3_u64 {
            let wanted = (0..50_u128).map(|number| {
                let verbs = lab.volume_verbs();
                let request = of_image(1 + (number * 7 + u128::from(round)) % 10, 2);
                tokio::spawn(async move { verbs.create_volume(&caller("req-c"), request).await })
            });
            for made in wanted.collect::<Vec<_>>() {
                ids.push(made.await.unwrap().unwrap().volume.id);
                assert_bounds(&lab, &tenant, most).await;
            }
            settle_at_random(&lab, &tenant, most, seed + round).await;
            for id in &ids {
                assert_eq!(lab.volume(*id).await.state.status(), "available");
            }
            if most == 10 {
                assert_eq!(copied(&lab).len(), 10, "each image was copied once");
            }
        }
        for entry in entries(&lab).await {
            assert_eq!(entry.state, ImageCacheState::Ready);
        }
        // What is there on the host is what the rows say.
        let there = lab.hosts[0].volumes.there.lock().unwrap().clone();
        let kept = of_tenant(&lab, &tenant).await.into_iter().map(|volume| volume.id);
        let known: BTreeSet<VolumeId> = ids.iter().copied().chain(kept).collect();
        assert_eq!(there, known);
    }
}

#[tokio::test]
async fn the_least_recently_used_leaves_first_and_is_gone_before_the_next_is_made() {
    let (lab, tenant) = lab(2, 0).await;
    for number in [1, 2, 1] {
        lab.pass(1, &["host-a"]).await;
        ask(&lab, number).await;
        lab.settle().await;
    }
    lab.pass(1, &["host-a"]).await;
    let id = ask(&lab, 3).await;
    let orders: Vec<String> =
        lab.outbox().await.iter().map(|order| format!("{:?}", order.body)).collect();
    assert!(matches!(&orders[..], [only] if only.contains("Remove")), "{orders:?}");
    settle_at_random(&lab, &tenant, 2, 5).await;
    assert_eq!(lab.volume(id).await.state.status(), "available");
    let kept: BTreeSet<ImageId> = entries(&lab).await.iter().map(|entry| entry.image).collect();
    assert_eq!(kept, [image_id(1), image_id(3)].into());
    assert_eq!(copied(&lab), [image_id(1), image_id(2), image_id(3)]);
}

#[tokio::test]
async fn an_image_that_does_not_fit_is_copied_and_says_why() {
    let (lab, tenant) = lab(1, 0).await;
    let mut uow = lab.db.begin().await.unwrap();
    let mut image = uow.images().find(image_id(1)).await.unwrap().unwrap();
    let ImageState::Active(content) = &mut image.state else { panic!() };
    content.inspection.virtual_bytes = Bytes(Bytes::from_gib(1).0 + 1);
    uow.images().update(&image).await.unwrap();
    uow.commit().await.unwrap();
    let id = ask(&lab, 1).await;
    lab.settle().await;
    let way = lab.volume(id).await.way.unwrap();
    assert_eq!(way.rung, Rung::DownloadAndConvert);
    let cache = way.refused.iter().find(|one| one.rung == Rung::CloneFromCache).unwrap();
    assert!(cache.reason.contains("image_volume_cache_max_size_gb is 1"), "{cache:?}");
    assert_eq!((entries(&lab).await, of_tenant(&lab, &tenant).await), (vec![], vec![]));
}

#[tokio::test]
async fn an_image_with_other_bytes_is_never_served() {
    let (lab, tenant) = lab(0, 1).await;
    let old = ask(&lab, 1).await;
    lab.settle().await;
    let mut uow = lab.db.begin().await.unwrap();
    let mut image = uow.images().find(image_id(1)).await.unwrap().unwrap();
    let ImageState::Active(content) = &mut image.state else { panic!() };
    content.sha512 = "1".repeat(128);
    uow.images().update(&image).await.unwrap();
    uow.commit().await.unwrap();
    let before = entries(&lab).await.remove(0);
    let new = ask(&lab, 1).await;
    settle_at_random(&lab, &tenant, 1, 9).await;
    assert_eq!(copied(&lab), [image_id(1), image_id(1)]);
    let after = entries(&lab).await.remove(0);
    assert_ne!(after.volume, before.volume);
    assert_eq!(after.image_sha512, "1".repeat(128));
    for id in [old, new] {
        assert_eq!(lab.volume(id).await.state.status(), "available");
    }
}

#[tokio::test]
async fn what_cannot_be_brought_in_leaves_nothing_and_is_told_to_all() {
    let (lab, tenant) = lab(0, 0).await;
    let why = "the image has no bytes in the store";
    lab.hosts[0].volumes.fails.lock().unwrap().insert("Create", why.into());
    let ids = [ask(&lab, 1).await, ask(&lab, 1).await, ask(&lab, 1).await];
    lab.settle().await;
    for id in ids {
        assert_eq!(lab.volume(id).await.state.status(), "error");
        let told = lab.messages().await;
        let told = told.iter().find(|one| one.resource == id.to_string()).unwrap();
        assert!(told.text.contains(why), "{}", told.text);
    }
    assert_eq!((entries(&lab).await, of_tenant(&lab, &tenant).await), (vec![], vec![]));
    assert_eq!(lab.outbox().await, []);
    lab.hosts[0].volumes.fails.lock().unwrap().clear();
    let id = ask(&lab, 1).await;
    lab.settle().await;
    assert_eq!(lab.volume(id).await.state.status(), "available");
}

#[tokio::test]
async fn a_clone_that_fails_is_copied_instead_and_the_entry_leaves() {
    let (lab, tenant) = lab(0, 0).await;
    ask(&lab, 1).await;
    lab.settle().await;
    let kept = of_tenant(&lab, &tenant).await.remove(0);
    // Somebody has taken the bytes away.
    lab.hosts[0].volumes.there.lock().unwrap().remove(&kept.id);
    let id = ask(&lab, 1).await;
    lab.settle().await;
    let volume = lab.volume(id).await;
    let way = volume.way.unwrap();
    assert_eq!((volume.state.status(), way.rung), ("available", Rung::DownloadAndConvert));
    assert_eq!(way.bytes_copied, Some(Bytes::from_mib(20)));
    assert!(way.refused.iter().any(|one| one.reason.contains("could not be cloned")));
    assert_eq!((entries(&lab).await, of_tenant(&lab, &tenant).await), (vec![], vec![]));
}

#[tokio::test]
async fn one_that_cannot_be_removed_keeps_its_place_and_holds_nobody_up() {
    let (lab, tenant) = lab(0, 1).await;
    ask(&lab, 1).await;
    lab.settle().await;
    lab.hosts[0].volumes.fails.lock().unwrap().insert("Remove", "it is in use".into());
    let id = ask(&lab, 2).await;
    settle_at_random(&lab, &tenant, 1, 3).await;
    let volume = lab.volume(id).await;
    assert_eq!(volume.state.status(), "available");
    assert_eq!(volume.way.unwrap().bytes_copied, Some(Bytes::from_mib(20)));
    assert_eq!(entries(&lab).await.remove(0).state, ImageCacheState::Leaving);
    lab.hosts[0].volumes.fails.lock().unwrap().clear();
    lab.pass(60, &["host-a"]).await;
    lab.volume_orders().look().await.unwrap();
    lab.settle().await;
    assert_eq!((entries(&lab).await, of_tenant(&lab, &tenant).await), (vec![], vec![]));
}

#[tokio::test]
async fn what_would_be_done_is_explained_and_then_done() {
    let (lab, _tenant) = lab(0, 1).await;
    let mut admin = caller("req-a");
    admin.roles.push("admin".into());
    let verbs = lab.volume_verbs();
    let explain = async |number: u128| {
        let image = image_id(number).to_string();
        verbs.explain_volume(&admin, &image, None, 2).await.unwrap()
    };
    let first = explain(1).await;
    let backend = &first.backends[0];
    assert_eq!(first.chosen.as_ref(), Some(&backend.backend));
    assert_eq!(backend.fill, Some(Ok(vec![])));
    assert_eq!(backend.plan.as_ref().unwrap().copies, Bytes::from_mib(20));
    assert_eq!(lab.outbox().await, [], "nothing is made");
    assert_eq!(entries(&lab).await, vec![]);
    ask(&lab, 1).await;
    lab.settle().await;
    let second = explain(1).await.backends.remove(0);
    let plan = second.plan.unwrap();
    assert_eq!((plan.rung, plan.copies, second.fill), (Rung::CloneFromCache, Bytes(0), None));
    assert_eq!(plan.cloned_volume(), Some(entries(&lab).await[0].volume));
    // Another image takes its place.
    let other = explain(2).await.backends.remove(0);
    assert_eq!(other.fill, Some(Ok(vec![image_id(1)])));
    lab.clock.advance_micros(3_600_000_000);
    let silent = explain(1).await;
    assert_eq!(silent.chosen, None);
    assert!(silent.backends[0].refused_by.as_ref().unwrap().contains("not been heard"));
    let image = image_id(1).to_string();
    assert!(verbs.explain_volume(&caller("r"), &image, None, 2).await.is_err());
}

#[tokio::test]
async fn an_administrator_may_take_an_entry_away_while_others_wait_for_it() {
    let (lab, tenant) = lab(0, 0).await;
    let waits = ask(&lab, 1).await;
    let kept = of_tenant(&lab, &tenant).await.remove(0);
    let mut admin = caller("req-a");
    admin.roles.push("admin".into());
    let force = VolumeRemoval { force: true, cascade: false, ..VolumeRemoval::default() };
    lab.volume_verbs().delete_volume(&admin, kept.id, force).await.unwrap();
    for _ in 0..3 {
        lab.settle().await;
        lab.pass(40, &["host-a"]).await;
        lab.volume_orders().look().await.unwrap();
    }
    lab.settle().await;
    assert_eq!(lab.volume(waits).await.state.status(), "available");
    assert_eq!((entries(&lab).await, of_tenant(&lab, &tenant).await), (vec![], vec![]));
    let there = lab.hosts[0].volumes.there.lock().unwrap().clone();
    assert_eq!(there, [waits].into());
}
