//! Where this host's volumes live.

use super::disks;
use crate::config::{Backend, Config};
use crate::state_dir::StateDir;
use anyhow::{Context, bail};
use hatchery_model::image::ImageFormat;
use hatchery_model::units::Bytes;
use hatchery_model::volume::ImageCacheBounds;
use hatchery_ports::backup_store::BackupStore;
use hatchery_ports::entropy::{Entropy, random_uuid};
use hatchery_ports::volume_backend::VolumeBackend;
use hatchery_storage::rbd::CephSettings;
use hatchery_storage::{
    FileOwner, FileVolumeBackend, FileVolumeSettings, FolderBackupSettings, FolderBackupStore,
    RbdBackupSettings, RbdBackupStore, RbdVolumeBackend, RbdVolumeSettings, ShareVolumeSettings,
};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;

/// The backends that `enabled_backends` names. Files lie in the pool's image store already.
pub fn all(
    state: &StateDir,
    config: &Config,
    owner: FileOwner,
    entropy: &dyn Entropy,
) -> anyhow::Result<BTreeMap<String, Arc<dyn VolumeBackend>>> {
    let mut backends: BTreeMap<String, Arc<dyn VolumeBackend>> = BTreeMap::new();
    for (section, set) in &config.backends {
        let backend: Arc<dyn VolumeBackend> = match set.volume_driver.as_str() {
            "file" => Arc::new(file(state, section, set, owner)?),
            "nfs" | "cinder.volume.drivers.nfs.NfsDriver" => {
                Arc::new(share(state, section, set, (owner, random_uuid(entropy)))?)
            }
            "rbd" | "cinder.volume.drivers.rbd.RBDDriver" => {
                Arc::new(rbd(state, config, section, set)?)
            }
            other => bail!("[{section}] volume_driver is '{other}': choose file, nfs or rbd"),
        };
        backends.insert(section.clone(), backend);
    }
    Ok(backends)
}

/// Where this host keeps backups.
pub fn backups(state: &StateDir, config: &Config) -> anyhow::Result<Option<Arc<dyn BackupStore>>> {
    let set = &config.default;
    match set.backup_driver.as_str() {
        "" => return Ok(None),
        "posix" | "cinder.backup.drivers.posix.PosixBackupDriver" => {}
        "ceph" | "cinder.backup.drivers.ceph.CephBackupDriver" => {
            return Ok(Some(Arc::new(RbdBackupStore::new(RbdBackupSettings {
                ceph: cluster("ceph", &set.backup_ceph_user, &set.backup_ceph_conf, -1),
                pool: set.backup_ceph_pool.clone(),
                chunk: Bytes(set.backup_ceph_chunk_size),
            }))));
        }
        other => bail!(
            "[DEFAULT] backup_driver is '{other}': choose posix, ceph, or nothing for no backups"
        ),
    }
    let folder = if set.backup_posix_path.as_os_str().is_empty() {
        state.join("backups")
    } else {
        set.backup_posix_path.clone()
    };
    let block = Bytes(set.backup_sha_block_size_bytes);
    let store = FolderBackupStore::open(&FolderBackupSettings { folder: folder.clone(), block });
    let store = store.with_context(|| {
        format!("the backup store does not start with the folder {}", folder.display())
    })?;
    Ok(Some(Arc::new(store)))
}

fn file(
    state: &StateDir,
    section: &str,
    set: &Backend,
    owner: FileOwner,
) -> anyhow::Result<FileVolumeBackend> {
    let format = match set.file_format.as_str() {
        "qcow2" => ImageFormat::Qcow2,
        "raw" => ImageFormat::Raw,
        other => bail!("[{section}] file_format is '{other}': choose qcow2 or raw"),
    };
    let folder = if set.file_folder.as_os_str().is_empty() {
        let all = state.join("volumes");
        std::fs::create_dir_all(&all)
            .with_context(|| format!("the folder {} cannot be made", all.display()))?;
        all.join(section)
    } else {
        set.file_folder.clone()
    };
    let settings = FileVolumeSettings {
        backend: section.to_owned(),
        pool: set.pool(section),
        images: state.join("pool"),
        folder: folder.clone(),
        owner,
        format,
    };
    let backend = FileVolumeBackend::new(settings).with_context(|| {
        format!("the backend [{section}] does not start with the folder {}", folder.display())
    })?;
    let image_volumes = set.image_upload_use_cinder_backend;
    Ok(backend.with_image_cache(image_cache(set)).with_image_volumes(image_volumes))
}

fn share(
    state: &StateDir,
    section: &str,
    set: &Backend,
    (owner, id): (FileOwner, Uuid),
) -> anyhow::Result<FileVolumeBackend> {
    if set.nfs_mount_point.as_os_str().is_empty() {
        bail!(
            "[{section}] nfs_mount_point is not set: name the folder that the share is mounted on"
        );
    }
    // Beside the folders of volumes and not in one: this is known while the share is away.
    let notes = state.join("shares");
    std::fs::create_dir_all(&notes)
        .with_context(|| format!("the folder {} cannot be made", notes.display()))?;
    let settings = ShareVolumeSettings {
        backend: section.to_owned(),
        pool: set.pool(section),
        images: state.join("pool"),
        mount_point: set.nfs_mount_point.clone(),
        note: notes.join(format!("{section}.json")),
        owner,
        secure_operations: set.nas_secure_file_operations,
        secure_permissions: set.nas_secure_file_permissions,
        format: if set.nfs_qcow2_volumes { ImageFormat::Qcow2 } else { ImageFormat::Raw },
        id,
    };
    let backend = FileVolumeBackend::on_share(settings)
        .with_context(|| format!("the backend [{section}] does not start"))?;
    let image_volumes = set.image_upload_use_cinder_backend;
    Ok(backend.with_image_cache(image_cache(set)).with_image_volumes(image_volumes))
}

fn image_cache(set: &Backend) -> Option<ImageCacheBounds> {
    set.image_volume_cache_enabled.then_some(ImageCacheBounds {
        max_gib: set.image_volume_cache_max_size_gb,
        max_count: set.image_volume_cache_max_count,
    })
}

/// The cluster and its user; timeouts below 1 leave what is built in.
pub fn cluster(name: &str, user: &str, conf: &Path, timeout: i64) -> CephSettings {
    let built_in = CephSettings::new(user);
    let (connect_timeout, answer_timeout) = match u64::try_from(timeout) {
        Ok(seconds) if seconds > 0 => (Duration::from_secs(seconds), Duration::from_secs(seconds)),
        Ok(_) | Err(_) => (built_in.connect_timeout, built_in.answer_timeout),
    };
    CephSettings {
        cluster_name: name.to_owned(),
        conf: (!conf.as_os_str().is_empty()).then(|| conf.to_owned()),
        connect_timeout,
        answer_timeout,
        ..built_in
    }
}

/// The power of two of an object's size.
pub fn object_order(section: &str, option: &str, mib: u64) -> anyhow::Result<u8> {
    // What librbd takes.
    if !mib.is_power_of_two() || mib > 32 {
        bail!("[{section}] {option} is {mib}: choose 1, 2, 4, 8, 16 or 32 MiB");
    }
    Ok(u8::try_from(20 + mib.ilog2())?)
}

fn rbd(
    state: &StateDir,
    config: &Config,
    section: &str,
    set: &Backend,
) -> anyhow::Result<RbdVolumeBackend> {
    if set.rbd_user.is_empty() {
        bail!("[{section}] rbd_user is not set: name the cephx user of the pool, such as cinder");
    }
    let ceph = cluster(
        &set.rbd_cluster_name,
        &set.rbd_user,
        &set.rbd_ceph_conf,
        set.rados_connect_timeout,
    );
    let images = disks::images(state, config);
    let interval = set.rados_connection_interval.max(1);
    let retries_for_40_seconds = u32::try_from(40_u64.div_ceil(interval))?;
    let settings = RbdVolumeSettings {
        pool: set.pool(section),
        rbd_pool: set.rbd_pool.clone(),
        object_order: object_order(section, "rbd_store_chunk_size", set.rbd_store_chunk_size)?,
        max_clone_depth: u32::try_from(set.rbd_max_clone_depth.max(0)).unwrap_or(u32::MAX),
        flatten_volume_from_snapshot: set.rbd_flatten_volume_from_snapshot,
        image_cache: image_cache(set),
        image_volumes: set.image_upload_use_cinder_backend,
        // A client that has died has the volume open for 30 seconds more.
        retries: set.rados_connection_retries.max(retries_for_40_seconds),
        retry_interval: Duration::from_secs(interval),
        ..RbdVolumeSettings::new(section, ceph, images)
    };
    Ok(RbdVolumeBackend::new(settings))
}

#[cfg(test)]
mod tests {
    use super::{cluster, object_order};
    use std::path::Path;

    #[test]
    fn objects_are_powers_of_two() {
        assert_eq!(object_order("c", "o", 4).unwrap(), 22);
        assert_eq!(object_order("c", "o", 32).unwrap(), 25);
        for mib in [0, 3, 64] {
            let error = object_order("ceph", "rbd_store_chunk_size", mib).unwrap_err().to_string();
            assert!(error.contains("[ceph] rbd_store_chunk_size is"), "{error}");
        }
    }

    #[test]
    fn a_time_out_is_for_connections_and_answers() {
        let set = cluster("ceph", "cinder", Path::new("/c"), 7);
        assert_eq!((set.connect_timeout.as_secs(), set.answer_timeout.as_secs()), (7, 7));
        let built_in = cluster("ceph", "cinder", Path::new(""), -1);
        assert_eq!((built_in.connect_timeout.as_secs(), built_in.conf), (10, None));
    }
}
