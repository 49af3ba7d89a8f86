//! The flavors of the first start.

use crate::error::Error;
use hatchery_model::compute::Flavor;
use hatchery_model::id::FlavorId;
use hatchery_ports::store::Store;
use std::collections::BTreeMap;

/// The setting that says that it has been done.
const DONE_SETTING: &str = "compute.first_flavors";

/// Id, name, vCPUs, MiB, GiB: one for the tiny guest, then the sizes that every OpenStack tutorial names.
const FLAVORS: [(&str, &str, u32, u64, u64); 5] = [
    ("c1", "cirros256", 1, 256, 1),
    ("1", "m1.tiny", 1, 512, 1),
    ("2", "m1.small", 1, 2048, 20),
    ("3", "m1.medium", 2, 4096, 40),
    ("4", "m1.large", 4, 8192, 80),
];

/// Makes them, in one transaction, once in the life of a store: what an administrator deletes later stays deleted.
pub async fn ensure_first_flavors(store: &dyn Store) -> Result<(), Error> {
    if store.read().await?.settings().find(DONE_SETTING).await?.is_some() {
        return Ok(());
    }
    let mut uow = store.begin().await?;
    if uow.settings().find(DONE_SETTING).await?.is_some() {
        return Ok(());
    }
    for (id, name, vcpus, memory_mib, root_gib) in FLAVORS {
        let flavor = Flavor {
            id: FlavorId::from(id),
            name: name.to_owned(),
            vcpus,
            memory_mib,
            root_gib,
            ephemeral_gib: 0,
            swap_mib: 0,
            rxtx_factor_percent: 100,
            is_public: true,
            disabled: false,
            description: None,
            extra_specs: BTreeMap::new(),
        };
        uow.flavors().insert(&flavor).await?;
    }
    uow.settings().put(DONE_SETTING, "1").await?;
    Ok(uow.commit().await?)
}
