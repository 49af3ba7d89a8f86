//! What a transaction promises, whatever is in it.

use super::fixture::{envelope, id};
use crate::store::{Store, StoreError};
use futures_util::future::join_all;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

async fn value(store: &dyn Store, name: &str) -> Option<String> {
    let mut unit = store.read().await.unwrap();
    unit.settings().find(name).await.unwrap()
}

/// What is not committed has not been.
pub async fn a_drop_undoes_everything(store: &dyn Store) {
    let name = id().to_string();
    let mut unit = store.begin().await.unwrap();
    unit.settings().put(&name, "1").await.unwrap();
    unit.outbox().insert(&envelope(&name)).await.unwrap();
    drop(unit);
    assert_eq!(value(store, &name).await, None);

    // The next writer is not held up by it, and finds nothing of it.
    let mut unit = store.begin().await.unwrap();
    assert_eq!(unit.settings().find(&name).await.unwrap(), None);
    unit.settings().put(&name, "2").await.unwrap();
    unit.commit().await.unwrap();
    assert_eq!(value(store, &name).await.as_deref(), Some("2"));
}

/// A writer sees its own rows, others see them when they are committed, all at once.
pub async fn a_writer_sees_its_own_rows(store: &dyn Store) {
    let (one, two) = (id().to_string(), id().to_string());
    let mut unit = store.begin().await.unwrap();
    unit.settings().put(&one, "1").await.unwrap();
    unit.settings().put(&two, "2").await.unwrap();
    let own = unit.settings().find(&one).await.unwrap();
    assert_eq!(own.as_deref(), Some("1"));
    assert_eq!(value(store, &one).await, None);
    unit.commit().await.unwrap();
    assert_eq!(value(store, &one).await.as_deref(), Some("1"));
    assert_eq!(value(store, &two).await.as_deref(), Some("2"));
}

/// What a reader has begun to read does not change under it.
pub async fn a_reader_has_one_snapshot(store: &dyn Store) {
    let (one, two) = (id().to_string(), id().to_string());
    let mut reader = store.read().await.unwrap();
    assert_eq!(reader.settings().find(&one).await.unwrap(), None);

    let mut unit = store.begin().await.unwrap();
    unit.settings().put(&one, "1").await.unwrap();
    unit.settings().put(&two, "2").await.unwrap();
    unit.commit().await.unwrap();

    assert_eq!(reader.settings().find(&one).await.unwrap(), None);
    assert_eq!(reader.settings().find(&two).await.unwrap(), None);
    reader.commit().await.unwrap();
    assert_eq!(value(store, &one).await.as_deref(), Some("1"));
}

/// A write in a reader fails and changes nothing.
pub async fn a_reader_writes_nothing(store: &dyn Store) {
    let name = id().to_string();
    let mut reader = store.read().await.unwrap();
    let put = reader.settings().put(&name, "1").await;
    assert!(matches!(put, Err(StoreError::Unavailable { .. })), "{put:?}");
    drop(reader.commit().await);
    assert_eq!(value(store, &name).await, None);
}

/// A statement whose future was dropped may or may not have run: the transaction that it stood in commits no more.
pub async fn a_cancelled_statement_commits_nothing(store: &dyn Store) {
    let (before, cut_off, after) = (id().to_string(), id().to_string(), id().to_string());
    let mut unit = store.begin().await.unwrap();
    unit.settings().put(&before, "1").await.unwrap();
    // Large, so that it is not done at the first look.
    let value_cut_off = "x".repeat(4 << 20);
    let done_at_once = {
        let mut put = pin!(unit.settings().put(&cut_off, &value_cut_off));
        poll_fn(|context| Poll::Ready(put.as_mut().poll(context).is_ready())).await
    };
    assert!(!done_at_once, "this suite needs a larger value");
    assert!(unit.settings().put(&after, "1").await.is_err());
    assert!(unit.commit().await.is_err());
    for name in [&before, &cut_off, &after] {
        assert_eq!(value(store, name).await, None);
    }
    let mut unit = store.begin().await.unwrap();
    unit.settings().put(&after, "2").await.unwrap();
    unit.commit().await.unwrap();
    assert_eq!(value(store, &after).await.as_deref(), Some("2"));
}

/// Messages are seen after the commit of what they speak of, and in the order of the commits.
pub async fn messages_leave_only_after_commit(store: &dyn Store) {
    let (first, second, third) = (envelope("a"), envelope("b"), envelope("a"));
    let mut reader = store.read().await.unwrap();
    let last_place = match reader.outbox().list(0, u32::MAX).await.unwrap().last() {
        Some((place, _)) => *place,
        None => 0,
    };
    drop(reader);

    let mut unit = store.begin().await.unwrap();
    unit.outbox().insert(&first).await.unwrap();
    unit.outbox().insert(&second).await.unwrap();
    let mut reader = store.read().await.unwrap();
    assert_eq!(reader.outbox().list(last_place, 9).await.unwrap(), []);
    drop(reader);
    unit.commit().await.unwrap();
    let mut unit = store.begin().await.unwrap();
    unit.outbox().insert(&third).await.unwrap();
    unit.commit().await.unwrap();

    let mut reader = store.read().await.unwrap();
    let listed = reader.outbox().list(last_place, 9).await.unwrap();
    let envelopes: Vec<_> = listed.iter().map(|(_, envelope)| envelope).collect();
    assert_eq!(envelopes, [&first, &second, &third]);
    let after_first = reader.outbox().list(listed[0].0, 1).await.unwrap();
    assert_eq!(after_first, [(listed[1].0, second)]);
}

/// A second writer waits for the first, so that what a writer has read still holds when it commits: a counter that many
/// read and raise by one loses no step. Several `stores` are several programs on one database.
pub async fn writers_take_turns(stores: &[&dyn Store]) {
    let name = id().to_string();
    let name = name.as_str();
    let steps = (0..20).map(|n| async move {
        let mut unit = stores[n % stores.len()].begin().await.unwrap();
        let found = unit.settings().find(name).await.unwrap();
        let count: u32 = found.map_or(0, |text| text.parse().unwrap());
        let next = (count + 1).to_string();
        unit.settings().put(name, &next).await.unwrap();
        unit.commit().await.unwrap();
    });
    join_all(steps).await;
    for store in stores {
        assert_eq!(value(*store, name).await.as_deref(), Some("20"));
    }
}
