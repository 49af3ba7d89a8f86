//! The volume type of the first start.

use crate::error::Error;
use hatchery_model::id::VolumeTypeId;
use hatchery_model::timestamp::Timestamp;
use hatchery_model::volume::VolumeType;
use hatchery_ports::entropy::{Entropy, random_uuid};
use hatchery_ports::store::Store;
use std::collections::{BTreeMap, BTreeSet};

/// Has a type named `__DEFAULT__`, as Cinder's database has after its migrations. Any backend serves it.
pub async fn ensure_default_type(
    store: &dyn Store,
    entropy: &dyn Entropy,
    now: Timestamp,
) -> Result<(), Error> {
    let is_default = |found: &VolumeType| found.name == VolumeType::DEFAULT_NAME;
    if store.read().await?.volume_types().list().await?.iter().any(is_default) {
        return Ok(());
    }
    let mut uow = store.begin().await?;
    if uow.volume_types().list().await?.iter().any(is_default) {
        return Ok(());
    }
    let default = VolumeType {
        id: VolumeTypeId(random_uuid(entropy)),
        name: VolumeType::DEFAULT_NAME.to_owned(),
        description: Some("Default Volume Type".to_owned()),
        is_public: true,
        extra_specs: BTreeMap::new(),
        access: BTreeSet::new(),
        qos_specs: None,
        created_at: now,
        updated_at: None,
    };
    uow.volume_types().insert(&default).await?;
    Ok(uow.commit().await?)
}
