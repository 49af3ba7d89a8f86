//! The hatch cache's part: the pool, and whoever keeps it.

use super::{Ground, host};
use crate::config::ImageCache;
use anyhow::bail;
use hatchery_control::compute::ReviveServers;
use hatchery_control::pool::{
    BaseLinks, ImageBell, KeeperSettings, PoolKeeper, PoolVerbs, ReviveOnHeal, StoreCatalog,
    StoreLeases,
};
use hatchery_model::id::HostName;
use hatchery_model::units::Bytes;
use hatchery_ports::base_leases::BaseLeases;
use hatchery_ports::base_pool::BasePool;
use hatchery_ports::image_catalog::ImageCatalog;
use hatchery_storage::{FilePool, OtherFilesystem, PoolSettings, PoolWatch};
use std::sync::Arc;
use std::time::Duration;

pub struct Pool {
    pub links: BaseLinks,
    pub keeper: PoolKeeper,
    /// What an administrator can ask.
    pub verbs: PoolVerbs,
}

/// What `other_filesystem` means.
pub fn other_filesystem(text: &str) -> anyhow::Result<OtherFilesystem> {
    match text {
        "refuse" => Ok(OtherFilesystem::Refuse),
        "reflink" => Ok(OtherFilesystem::Reflink),
        "copy" => Ok(OtherFilesystem::Copy),
        other => bail!("other_filesystem is '{other}': choose refuse, reflink or copy"),
    }
}

pub fn join(ground: &Ground) -> anyhow::Result<Pool> {
    let set = &ground.config.image_cache;
    if set.subdirectory_name != "_base" {
        bail!(
            "[image_cache] subdirectory_name is '{}': only _base is supported",
            set.subdirectory_name
        );
    }
    let settings = settings(ground, set)?;
    let names = std::iter::once(settings.cache.clone()).chain(settings.bases.clone()).collect();
    let watch = PoolWatch::new(settings.images.clone(), names);
    let bases: Arc<dyn BasePool> = Arc::new(FilePool::open(settings, ground.clock.clone())?);
    let catalog: Arc<dyn ImageCatalog> = Arc::new(StoreCatalog { store: ground.store.clone() });
    let leases: Arc<dyn BaseLeases> =
        Arc::new(StoreLeases { store: ground.store.clone(), clock: ground.clock.clone() });
    let bell = ImageBell::default();
    let verbs = PoolVerbs {
        pool: bases.clone(),
        leases: leases.clone(),
        catalog: catalog.clone(),
        store: ground.store.clone(),
        revive: revive(ground),
    };
    let host = HostName(ground.config.default.host.clone());
    let keeper = PoolKeeper {
        catalog,
        leases,
        pool: bases.clone(),
        news: vec![Arc::new(bell.clone()), Arc::new(watch)],
        listeners: vec![Arc::new(ReviveOnHeal::new(revive(ground), host))],
        settings: KeeperSettings {
            interval: Duration::from_secs(set.manager_interval.max(1)),
            scrub_bytes_per_second: set.scrub_mib_per_second << 20,
            dry_run: false,
        },
    };
    Ok(Pool { links: BaseLinks::new(bases, bell), keeper, verbs })
}

fn revive(ground: &Ground) -> ReviveServers {
    ReviveServers {
        store: ground.store.clone(),
        clock: ground.clock.clone(),
        entropy: ground.entropy.clone(),
        outgoing: ground.outgoing.clone(),
        healed: ground.healed.clone(),
    }
}

fn settings(ground: &Ground, set: &ImageCache) -> anyhow::Result<PoolSettings> {
    let pool = ground.state.join("pool");
    let owner = host::owner(&ground.config.qemu.user)?;
    Ok(PoolSettings {
        // Disks in Ceph lie on none.
        bases: match ground.config.libvirt.images_type.as_str() {
            "rbd" => Vec::new(),
            _ => vec![ground.state.join("instances").join("_base")],
        },
        other_filesystem: other_filesystem(&set.other_filesystem)?,
        trusted_store: true,
        remove_unused: set.remove_unused_base_images,
        minimum_age: Duration::from_secs(set.remove_unused_original_minimum_age_seconds),
        max_bytes: (set.max_size_gb > 0).then(|| Bytes::from_gib(set.max_size_gb)),
        max_count: (set.max_count > 0).then_some(set.max_count),
        ..PoolSettings::new(pool.join("images"), pool.join("imagecache"), owner)
    })
}
