//! Who uses which base.

use super::assert_conflict;
use super::fixture::{host, id, image};
use crate::store::{Store, UnitOfWork};
use futures_util::future::{join, join_all};
use hatchery_model::base::{BaseLease, BaseName, BasePin, DiskUse, LeaseHolder};
use hatchery_model::compute::{Claim, Host};
use hatchery_model::generation::Generation;
use hatchery_model::id::{DiskId, HostName, ImageId, ProjectId, ServerId};
use hatchery_model::image::{ImageFormat, ImageState};
use hatchery_model::timestamp::Timestamp;

const CLAIM: Claim = Claim { vcpus: 1, memory_mib: 2, disk_gib: 3, servers: 1 };

fn root(server: ServerId, image: ImageId) -> DiskUse {
    DiskUse { disk: DiskId::root_of(server), image, format: Some(ImageFormat::Qcow2) }
}

fn lease(host: &Host, server: ServerId, image: ImageId) -> BaseLease {
    BaseLease {
        base: BaseName::of(image),
        holder: LeaseHolder::Disk {
            host: host.name.0.clone(),
            disk: server.to_string(),
            server: Some(server),
        },
        format: Some(ImageFormat::Qcow2),
    }
}

async fn new_host(unit: &mut dyn UnitOfWork, name: &str) -> Host {
    let row = host(&format!("{name}-{}", id()));
    unit.hosts().insert(&row).await.unwrap();
    row
}

async fn take(unit: &mut dyn UnitOfWork, on: &HostName, server: ServerId, image: ImageId) {
    let row = unit.hosts().find(on).await.unwrap().unwrap();
    unit.claims().insert(server, &row, CLAIM, Some(&root(server, image))).await.unwrap();
}

/// A disk's lease comes and goes with the claim, and stays where a disk is left.
pub async fn leases(store: &dyn Store) {
    let mut unit = store.begin().await.unwrap();
    let (here, there) =
        (new_host(&mut *unit, "leases a").await, new_host(&mut *unit, "leases b").await);
    let (image, other) = (ImageId(id()), ImageId(id()));
    let (one, two, bare) = (ServerId(id()), ServerId(id()), ServerId(id()));
    take(&mut *unit, &here.name, one, image).await;
    take(&mut *unit, &here.name, two, other).await;
    let row = unit.hosts().find(&here.name).await.unwrap().unwrap();
    unit.claims().insert(bare, &row, CLAIM, None).await.unwrap();
    let rows = unit.leases();
    assert_eq!(rows.list(Some(image)).await.unwrap(), [lease(&here, one, image)]);
    assert_eq!(rows.list(Some(other)).await.unwrap(), [lease(&here, two, other)]);
    let all = rows.list(None).await.unwrap();
    assert_eq!(rows.count().await.unwrap(), all.len() as u64);
    assert!(all.contains(&lease(&here, one, image)) && all.contains(&lease(&here, two, other)));
    let of_bare = |lease: &BaseLease| matches!(&lease.holder, LeaseHolder::Disk { server, .. } if *server == Some(bare));
    assert!(!all.iter().any(of_bare), "a claim without a disk on a base is no lease");

    // Given back whole.
    unit.claims().delete(two).await.unwrap();
    assert_eq!(unit.leases().list(Some(other)).await.unwrap(), []);

    // Left behind: the claim goes, the lease stays, also beside that of the same server elsewhere.
    let asked = Generation(5);
    let left = unit.claims().leave(one, asked, Timestamp(7)).await.unwrap();
    assert_eq!(left, Some((here.name.clone(), CLAIM)));
    assert_eq!(unit.claims().find(one).await.unwrap(), None);
    assert_eq!(unit.claims().leave(one, asked, Timestamp(8)).await.unwrap(), None);
    assert_eq!(unit.claims().leave(bare, asked, Timestamp(8)).await.unwrap().unwrap().1, CLAIM);
    take(&mut *unit, &there.name, one, image).await;
    let both = [lease(&here, one, image), lease(&there, one, image)];
    assert_eq!(unit.leases().list(Some(image)).await.unwrap(), both);
    let listed = unit.leases().list_left().await.unwrap();
    let left: Vec<_> = listed.iter().filter(|disk| disk.on.image == image).collect();
    assert_eq!(left.len(), 1);
    assert_eq!((&left[0].host, left[0].server, &left[0].on), (&here.name, one, &root(one, image)));
    assert_eq!((left[0].generation, left[0].since), (asked, Timestamp(7)));
    assert!(!listed.iter().any(|disk| disk.server == bare), "nothing was left of that one");

    // An older answer says nothing of it, nor does another host's.
    let rows = unit.leases();
    assert!(!rows.delete_left(&here.name, one, Generation(4)).await.unwrap());
    assert!(!rows.delete_left(&there.name, one, asked).await.unwrap());
    assert!(!rows.delete_left(&here.name, two, asked).await.unwrap());
    assert!(rows.delete_left(&here.name, one, Generation(6)).await.unwrap());
    assert!(!rows.delete_left(&here.name, one, Generation(6)).await.unwrap());
    assert_eq!(rows.list(Some(image)).await.unwrap(), [lease(&there, one, image)]);

    // Left twice on one host: the later order is the one to be answered.
    unit.claims().leave(one, Generation(8), Timestamp(9)).await.unwrap();
    take(&mut *unit, &there.name, one, image).await;
    assert_eq!(unit.leases().list(Some(image)).await.unwrap().len(), 1, "one disk, one lease");
    unit.claims().leave(one, Generation(11), Timestamp(10)).await.unwrap();
    let rows = unit.leases();
    assert!(!rows.delete_left(&there.name, one, Generation(8)).await.unwrap());
    assert!(rows.delete_left(&there.name, one, Generation(11)).await.unwrap());
    assert_eq!(rows.list(Some(image)).await.unwrap(), []);
    unit.commit().await.unwrap();
}

/// What administrators want to keep.
pub async fn pins(store: &dyn Store) {
    let mut unit = store.begin().await.unwrap();
    let rows = unit.leases();
    let pin =
        |image, by: &str, until| BasePin { image, by: by.to_owned(), until: Timestamp(until) };
    let (image, other) = (ImageId(id()), ImageId(id()));
    let (a, b, c) = (pin(image, "a", 5), pin(image, "b", 6), pin(other, "a", 7));
    for one in [&b, &a, &c] {
        rows.insert_pin(one).await.unwrap();
    }
    assert_conflict(rows.insert_pin(&pin(image, "a", 9)).await);
    assert_eq!(rows.list_pins(Some(image)).await.unwrap(), [a.clone(), b.clone()]);
    let all = rows.list_pins(None).await.unwrap();
    assert!([&a, &b, &c].iter().all(|one| all.contains(one)));
    let later = pin(image, "a", 50);
    rows.update_pin(&later).await.unwrap();
    assert_conflict(rows.update_pin(&pin(image, "c", 50)).await);
    assert_eq!(rows.list_pins(Some(image)).await.unwrap(), [later, b.clone()]);
    assert!(rows.delete_pin(image, "a").await.unwrap());
    assert!(!rows.delete_pin(image, "a").await.unwrap());
    assert_eq!(rows.list_pins(Some(image)).await.unwrap(), [b]);
    assert_eq!(rows.list_pins(Some(other)).await.unwrap(), [c]);
    unit.commit().await.unwrap();
}

/// Creates race with the image's delete: after the image has been seen to be going, no lease on it appears. That is what whoever removes bases
/// relies on. Several `stores` are several programs on one database.
pub async fn no_lease_on_an_image_that_goes(stores: &[&dyn Store]) {
    let (mut taken_first, mut refused) = (0, 0);
    for round in 0..12 {
        let mut unit = stores[0].begin().await.unwrap();
        let row = image(&ProjectId::from("racing"), None, 1);
        unit.images().insert(&row).await.unwrap();
        let on = new_host(&mut *unit, "racing").await.name;
        unit.commit().await.unwrap();
        let creates = join_all((0..round).map(|n| create(stores[n % stores.len()], &on, row.id)));
        let going = go(stores[round % stores.len()], row.id);
        // Whoever is asked first is most often served first.
        let (created, seen) = if round % 2 == 0 {
            join(creates, going).await
        } else {
            let (seen, created) = join(going, creates).await;
            (created, seen)
        };
        let created = created.iter().filter(|created| **created).count();
        let mut unit = stores[0].read().await.unwrap();
        let leases = unit.leases().list(Some(row.id)).await.unwrap();
        assert_eq!(leases.len(), created, "each create that was not refused has its lease");
        assert_eq!(leases, seen, "none came after the image was seen to be going");
        taken_first += created;
        refused += round - created;
    }
    assert!(taken_first > 0 && refused > 0, "both orders: {taken_first} taken, {refused} refused");
}

/// Takes a lease if the image is not going, as one transaction.
async fn create(store: &dyn Store, on: &HostName, image: ImageId) -> bool {
    let mut unit = store.begin().await.unwrap();
    let row = unit.images().find(image).await.unwrap();
    if row.is_none_or(|row| row.state == ImageState::Deleting) {
        return false;
    }
    take(&mut *unit, on, ServerId(id()), image).await;
    unit.commit().await.unwrap();
    true
}

/// Marks the image as going, then looks who holds it, as a sweep does.
async fn go(store: &dyn Store, image: ImageId) -> Vec<BaseLease> {
    let mut unit = store.begin().await.unwrap();
    let mut row = unit.images().find(image).await.unwrap().unwrap();
    row.state = ImageState::Deleting;
    unit.images().update(&row).await.unwrap();
    unit.commit().await.unwrap();
    let mut unit = store.read().await.unwrap();
    unit.leases().list(Some(image)).await.unwrap()
}
