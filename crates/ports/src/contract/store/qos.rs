//! Quality-of-service specs.

use super::assert_conflict;
use super::fixture::id;
use crate::store::Store;
use hatchery_model::id::QosSpecsId;
use hatchery_model::timestamp::Timestamp;
use hatchery_model::volume::{QosConsumer, QosSpecs};
use std::collections::BTreeMap;

/// Found, listed, changed, removed; names are unique.
pub async fn qos_specs(store: &dyn Store) {
    let mut unit = store.begin().await.unwrap();
    let rows = unit.qos_specs();
    let specs = |name: &str| QosSpecs {
        id: QosSpecsId(id()),
        name: format!("{name}-{}", id()),
        consumer: QosConsumer::Both,
        specs: BTreeMap::from([("total_iops_sec".to_owned(), "ünï".to_owned())]),
        created_at: Timestamp(1),
        updated_at: None,
    };
    let (mut one, two) = (specs("a"), specs("b"));
    for row in [&two, &one] {
        rows.insert(row).await.unwrap();
    }
    assert_conflict(rows.insert(&QosSpecs { id: QosSpecsId(id()), ..one.clone() }).await);
    assert!(rows.list().await.unwrap().is_sorted_by_key(|row| row.name.clone()));
    one.consumer = QosConsumer::FrontEnd;
    rows.update(&one).await.unwrap();
    assert_eq!(rows.find(one.id).await.unwrap(), Some(one.clone()));
    for id in [one.id, two.id] {
        assert!(rows.delete(id).await.unwrap());
        assert!(!rows.delete(id).await.unwrap());
    }
    assert_conflict(rows.update(&one).await);
    unit.commit().await.unwrap();
}
