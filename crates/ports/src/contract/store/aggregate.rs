//! Aggregates of hosts, and how bases are on hosts.

use super::assert_conflict;
use super::fixture::id;
use crate::store::Store;
use hatchery_model::base::{BaseOnHost, KnownBaseState};
use hatchery_model::compute::Aggregate;
use hatchery_model::generation::Generation;
use hatchery_model::id::{HostName, ImageId};
use hatchery_model::timestamp::Timestamp;
use std::collections::BTreeMap;

pub(super) fn aggregate(name: &str) -> Aggregate {
    Aggregate {
        number: 0,
        uuid: id(),
        generation: Generation::FIRST,
        name: format!("{name}-{}", id()),
        hosts: vec![HostName::from("b"), HostName::from("a")],
        metadata: BTreeMap::from([(Aggregate::ZONE.to_owned(), "ünï".to_owned())]),
        created_at: Timestamp(5),
        updated_at: None,
    }
}

/// Aggregates.
pub async fn aggregates(store: &dyn Store) {
    let mut unit = store.begin().await.unwrap();
    let rows = unit.aggregates();
    let mut one = rows.insert(aggregate("one")).await.unwrap();
    let two = rows.insert(aggregate("two")).await.unwrap();
    assert!(one.number > 0 && two.number > one.number);
    assert_conflict(rows.insert(Aggregate { uuid: id(), ..one.clone() }).await);
    assert_eq!(rows.find(one.number).await.unwrap().as_ref(), Some(&one));
    assert_eq!(rows.find(u64::MAX).await.unwrap(), None);
    let listed = rows.list().await.unwrap();
    assert!(listed.is_sorted_by_key(|row| row.number));
    assert!(listed.contains(&one) && listed.contains(&two));

    one.hosts.pop();
    one.updated_at = Some(Timestamp(6));
    rows.update(&one).await.unwrap();
    assert_conflict(rows.update(&one).await);
    one.generation = one.generation.next();
    assert_eq!(rows.find(one.number).await.unwrap().as_ref(), Some(&one));
    assert_conflict(rows.update(&Aggregate { name: two.name.clone(), ..one.clone() }).await);
    assert!(rows.delete(two.number).await.unwrap());
    assert!(!rows.delete(two.number).await.unwrap());
    let next = rows.insert(aggregate("two")).await.unwrap();
    assert!(next.number > two.number, "a number is never given twice");
    unit.commit().await.unwrap();
}

/// What hosts have told of their bases.
pub async fn host_bases(store: &dyn Store) {
    let mut unit = store.begin().await.unwrap();
    let rows = unit.host_bases();
    let base = |image, host: &str, state, heard_at: Option<i64>| BaseOnHost {
        host: HostName(format!("host-bases-{host}")),
        image,
        state,
        since: Timestamp(7),
        heard_at: heard_at.map(Timestamp),
    };
    let (image, other) = (ImageId(id()), ImageId(id()));
    let lost = KnownBaseState::Lost("its file is gone".to_owned());
    let mut a = base(image, "a", KnownBaseState::Caching, None);
    let b = base(image, "b", lost, Some(6));
    let c = base(other, "a", KnownBaseState::Gone, Some(i64::MAX));
    for one in [&b, &a, &c] {
        rows.put(one).await.unwrap();
    }
    assert_eq!(rows.list(Some(image), None).await.unwrap(), [a.clone(), b.clone()]);
    assert_eq!(rows.list(Some(other), Some(&c.host)).await.unwrap(), std::slice::from_ref(&c));
    let of_host = rows.list(None, Some(&a.host)).await.unwrap();
    assert_eq!(of_host.len(), 2);
    assert!(of_host.contains(&a) && of_host.contains(&c));
    for (state, heard) in [
        (KnownBaseState::Cached, Some(Timestamp(9))),
        (KnownBaseState::Failed("no room".to_owned()), Some(Timestamp(10))),
        (KnownBaseState::Cached, None),
    ] {
        (a.state, a.heard_at) = (state, heard);
        rows.put(&a).await.unwrap();
        assert_eq!(rows.list(Some(image), Some(&a.host)).await.unwrap(), std::slice::from_ref(&a));
    }
    assert!(rows.delete(image, &a.host).await.unwrap());
    assert!(!rows.delete(image, &a.host).await.unwrap());
    assert_eq!(rows.list(Some(image), None).await.unwrap(), [b]);
    unit.commit().await.unwrap();
}
