//! Offers of volumes.

use super::assert_conflict;
use super::fixture::id;
use crate::store::{Store, TransferFilter};
use hatchery_model::id::{ProjectId, TransferId, VolumeId};
use hatchery_model::page::{Direction, Page};
use hatchery_model::timestamp::Timestamp;
use hatchery_model::volume::Transfer;
use std::slice::from_ref;

/// Found, listed, sorted, removed by id and by volume.
pub async fn volume_transfers(store: &dyn Store) {
    let mut unit = store.begin().await.unwrap();
    let rows = unit.volume_transfers();
    let project = ProjectId(format!("transfers-{}", id()));
    let transfer = |name: Option<&str>, created_at| Transfer {
        id: TransferId(id()),
        project: project.clone(),
        volume: VolumeId(id()),
        name: name.map(str::to_owned),
        key_hash: "$argon2id$".to_owned(),
        no_snapshots: false,
        created_at: Timestamp(created_at),
    };
    let one = transfer(Some("ünï"), 1);
    let two = transfer(None, 2);
    let other = Transfer { project: ProjectId::from(id()), ..transfer(Some("ünï"), 3) };
    for row in [&one, &two, &other] {
        rows.insert(row).await.unwrap();
    }
    assert_conflict(rows.insert(&one).await);
    assert_eq!(rows.find(one.id).await.unwrap().as_ref(), Some(&one));
    assert_eq!(rows.find(TransferId(id())).await.unwrap(), None);
    let ours = TransferFilter { project: Some(project.clone()), ..TransferFilter::default() };
    let all = Page::default();
    assert_eq!(rows.list(&ours, &all).await.unwrap(), [two.clone(), one.clone()]);
    let oldest = Page { sort: vec![("created_at".into(), Direction::Ascending)], ..all.clone() };
    assert_eq!(rows.list(&ours, &oldest).await.unwrap(), [one.clone(), two.clone()]);
    let after = Page { marker: Some(two.id.to_string()), limit: Some(5), ..all.clone() };
    assert_eq!(rows.list(&ours, &after).await.unwrap(), from_ref(&one));
    for only_one in [
        TransferFilter { name: Some("ünï".into()), ..ours.clone() },
        TransferFilter { volume: Some(one.volume), ..TransferFilter::default() },
    ] {
        assert_eq!(rows.list(&only_one, &all).await.unwrap(), from_ref(&one), "{only_one:?}");
    }
    assert_eq!(rows.delete_of(one.volume).await.unwrap(), 1);
    assert_eq!(rows.find(one.id).await.unwrap(), None);
    for id in [two.id, other.id] {
        assert!(rows.delete(id).await.unwrap());
        assert!(!rows.delete(id).await.unwrap());
    }
    unit.commit().await.unwrap();
}
