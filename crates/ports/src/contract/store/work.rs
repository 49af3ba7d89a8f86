//! Tasks, messages, single values.

use super::assert_conflict;
use super::fixture::{envelope, id, task};
use crate::store::Store;
use hatchery_model::id::{ImageId, MessageId, ServerId};
use hatchery_model::task::{Task, Work};
use hatchery_model::timestamp::Timestamp;

/// Tasks.
pub async fn tasks(store: &dyn Store) {
    let mut unit = store.begin().await.unwrap();
    let rows = unit.tasks();
    let server = ServerId(id());
    // Far before anything that another suite may have left.
    let mut late = task(Work::BuildServer(server), -1_000);
    let soon = task(Work::DeleteServer(server), -2_000);
    let last = task(Work::DeleteImage(ImageId(id())), -900);
    assert_eq!(rows.find(late.id).await.unwrap(), None);
    for row in [&late, &soon, &last] {
        assert_eq!(rows.find_by_work(&row.work).await.unwrap(), None);
        rows.insert(row).await.unwrap();
    }
    assert_conflict(rows.insert(&late).await);
    assert_conflict(rows.insert(&task(late.work.clone(), 0)).await);
    let found = rows.find_by_work(&late.work).await.unwrap();
    assert_eq!(found.as_ref(), Some(&late));

    let due = rows.list_due(Timestamp(-1_000), 9).await.unwrap();
    assert_eq!(due, [soon.clone(), late.clone()]);
    let due = rows.list_due(Timestamp(-1_000), 1).await.unwrap();
    assert_eq!(due, std::slice::from_ref(&soon));

    late.attempts = 1;
    late.due_at = Timestamp(-500);
    rows.update(&late).await.unwrap();
    assert_conflict(rows.update(&late).await);
    late.generation = late.generation.next();
    assert_eq!(rows.find(late.id).await.unwrap().as_ref(), Some(&late));
    let due: Vec<Task> = rows.list_due(Timestamp(-500), 9).await.unwrap();
    assert_eq!(due, [soon.clone(), last.clone(), late.clone()]);

    let before = rows.count().await.unwrap();
    assert!(before >= 3);
    for row in [&late, &soon, &last] {
        assert!(rows.delete_by_work(&row.work).await.unwrap());
        assert!(!rows.delete_by_work(&row.work).await.unwrap());
        assert_eq!(rows.find(row.id).await.unwrap(), None);
    }
    assert_eq!(rows.count().await.unwrap(), before - 3);
    unit.commit().await.unwrap();
}

/// Messages to be sent: their places only grow, also after all have been forgotten.
pub async fn outbox(store: &dyn Store) {
    let mut unit = store.begin().await.unwrap();
    let rows = unit.outbox();
    let envelopes: Vec<_> = (0..130).map(|_| envelope("a-host")).collect();
    let mut places = Vec::new();
    for envelope in &envelopes {
        places.push(rows.insert(envelope).await.unwrap());
    }
    assert_conflict(rows.insert(&envelopes[0]).await);
    let listed = rows.list(0, u32::MAX).await.unwrap();
    assert!(listed.is_sorted_by(|a, b| a.0 < b.0));
    assert_eq!(rows.count().await.unwrap(), listed.len() as u64);
    let ours: Vec<_> = listed
        .iter()
        .filter(|(_, envelope)| envelopes.contains(envelope))
        .map(|(place, envelope)| (*place, envelope))
        .collect();
    assert_eq!(ours, places.into_iter().zip(&envelopes).collect::<Vec<_>>());

    let last_place = listed[listed.len() - 1].0;
    let ids: Vec<MessageId> = listed.iter().map(|(_, envelope)| envelope.id).collect();
    rows.delete(&[]).await.unwrap();
    rows.delete(&ids).await.unwrap();
    rows.delete(&ids).await.unwrap();
    assert_eq!(rows.list(0, 9).await.unwrap(), []);
    assert_eq!(rows.count().await.unwrap(), 0);
    let next = envelope("a-host");
    rows.insert(&next).await.unwrap();
    let listed = rows.list(last_place, 9).await.unwrap();
    assert_eq!(listed.len(), 1);
    rows.delete(&[next.id]).await.unwrap();
    unit.commit().await.unwrap();
}

/// Single values.
pub async fn settings(store: &dyn Store) {
    let mut unit = store.begin().await.unwrap();
    let rows = unit.settings();
    let name = id().to_string();
    assert_eq!(rows.find(&name).await.unwrap(), None);
    rows.put(&name, "one").await.unwrap();
    assert_eq!(rows.find(&name).await.unwrap().as_deref(), Some("one"));
    rows.put(&name, "").await.unwrap();
    assert_eq!(rows.find(&name).await.unwrap().as_deref(), Some(""));
    unit.commit().await.unwrap();
}
