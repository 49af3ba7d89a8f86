//! Settings: OpenStack's names and groups where it has them, from a TOML file and the environment.

mod image_store;
mod libvirt;
mod volume;

pub use image_store::GlanceStore;
pub use libvirt::Libvirt;
pub use volume::Backend;

use anyhow::{Context, bail};
use figment::Figment;
use figment::providers::{Env, Format, Serialized, Toml};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Everything that can be set. A name that is not one of these is refused, so that a slip of the pen is seen.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Config {
    /// Of no group.
    #[serde(rename = "DEFAULT")]
    pub default: Default_,
    /// Nova's scheduler.
    pub filter_scheduler: FilterScheduler,
    /// QEMU without a daemon.
    pub qemu: Qemu,
    /// Where the disks of guests live.
    pub libvirt: Libvirt,
    /// Glance's.
    pub glance: Glance,
    /// Where images are kept.
    pub glance_store: GlanceStore,
    /// Keystone's tokens.
    pub token: Token,
    /// Figures for Prometheus.
    pub metrics: Metrics,
    /// Bases.
    pub image_cache: ImageCache,
    /// The network of the first start.
    pub first_network: FirstNetwork,
    /// What is set for every backend of volumes that does not say otherwise itself: any name that a backend's group has.
    pub backend_defaults: figment::value::Dict,
    /// Where volumes live: each name in `enabled_backends` with the group of that name.
    #[serde(skip)]
    pub backends: BTreeMap<String, Backend>,
}

/// `[DEFAULT]`
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Default_ {
    /// This host's name; the machine's own if empty.
    pub host: String,
    /// This host's address, as shown.
    pub my_ip: String,
    /// `qemu` or `sim`.
    pub compute_driver: String,
    /// Builds at once.
    pub max_concurrent_builds: usize,
    /// Virtual CPUs sold for each real one.
    pub cpu_allocation_ratio: f64,
    /// Memory sold for each real one.
    pub ram_allocation_ratio: f64,
    /// Disk sold for each real one.
    pub disk_allocation_ratio: f64,
    /// Memory kept for the host.
    pub reserved_host_memory_mb: u64,
    /// Disk kept for the host.
    pub reserved_host_disk_mb: u64,
    /// CPUs kept for the host.
    pub reserved_host_cpus: u32,
    /// Seconds that a guest may take to power off when it is stopped; an image's `os_shutdown_timeout` goes before.
    pub shutdown_timeout: u32,
    /// The log file, below `log_dir` unless its path is absolute; none if empty: lines go to the terminal alone.
    pub log_file: PathBuf,
    /// Folder of the log file; `log` in the state folder if empty.
    pub log_dir: PathBuf,
    /// `size` or `none`.
    pub log_rotation_type: String,
    /// Largest log file.
    pub max_logfile_size_mb: u64,
    /// Older log files kept beside the current one.
    pub max_logfile_count: u32,
    /// Log lines are JSON.
    pub use_json: bool,
    /// The groups that say where volumes live; a list, or names between commas.
    #[serde(deserialize_with = "volume::names")]
    pub enabled_backends: Vec<String>,
    /// Where a qcow2 image is put while it is converted on its way into Ceph; `conversion` in the state folder if empty.
    pub image_conversion_dir: PathBuf,
    /// Whether images say where their bytes lie: `direct_url`.
    pub show_image_direct_url: bool,
    /// The same as a list: `locations`.
    pub show_multiple_locations: bool,
    /// Kinds of places where an image lies from which volumes are cloned: `cinder`, or none. Between commas, or a list.
    #[serde(deserialize_with = "volume::names")]
    pub allowed_direct_url_schemes: Vec<String>,
    /// The project of volumes that the cloud keeps for itself; one of our own if empty. Set with the user or not at all.
    pub cinder_internal_tenant_project_id: String,
    /// The user of those volumes.
    pub cinder_internal_tenant_user_id: String,
    /// Where backups of volumes go: `posix`, a folder, or `ceph`, a pool; none if empty. Cinder's long names of the drivers mean the same.
    pub backup_driver: String,
    /// The folder of backups; `backups` in the state folder if empty.
    pub backup_posix_path: PathBuf,
    /// What of a volume is compared with its last backup as a whole.
    pub backup_sha_block_size_bytes: u64,
    /// Of `ceph`: the cluster's configuration.
    pub backup_ceph_conf: PathBuf,
    /// Of `ceph`: the cephx user, without `client.`
    pub backup_ceph_user: String,
    /// Of `ceph`: the pool of the backups.
    pub backup_ceph_pool: String,
    /// Of `ceph`: what is read and compared in one go; at most 16 MiB here.
    pub backup_ceph_chunk_size: u64,
    /// Base images must be raw. Off by default here: a qcow2 image serves as base as it is.
    pub force_raw_images: bool,
}

/// `[filter_scheduler]`
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FilterScheduler {
    /// What it weighs that a host has the image's base, where the most free memory weighs 1; below 0, such hosts are avoided.
    pub image_base_weight_multiplier: f64,
}

/// `[qemu]`
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Qemu {
    /// `auto` (by a trial start), `kvm` or `tcg`.
    pub accel: String,
    /// The program.
    pub binary: PathBuf,
    /// Whom guests run as: `user:group`.
    pub user: String,
    /// Seconds that a guest may take to power off in a soft reboot (Nova's option of `[libvirt]`).
    pub wait_soft_reboot_seconds: u32,
}

/// `[glance]`
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Glance {
    /// Largest image taken, in bytes.
    pub image_size_cap: u64,
    /// Seconds that an upload may stand still.
    pub upload_idle_timeout: u64,
}

/// `[token]`
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Token {
    /// Seconds that a token is good for.
    pub expiration: i64,
}

/// `[metrics]`
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Metrics {
    /// Whether `GET /metrics` answers, to whoever reaches the cloud's port.
    pub enabled: bool,
}

/// `[image_cache]`: Nova's names and meaning, but for the last four, which Nova lacks.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ImageCache {
    /// Seconds between two full passes. Between them events do the work.
    pub manager_interval: u64,
    /// The folder of bases in `instances_path`: `_base`, and no other here.
    pub subdirectory_name: String,
    /// Whether bases go that nobody can need any more: their image is gone, and no lease stands.
    pub remove_unused_base_images: bool,
    /// For so many seconds a base has to be unused before it goes. None here, where leases say it exactly; Nova, which guesses, has 86400.
    pub remove_unused_original_minimum_age_seconds: u64,
    /// Of no effect: bases are never resized here.
    pub remove_unused_resized_minimum_age_seconds: u64,
    /// Of no effect: a base that is seeded is linked, not downloaded.
    pub precache_concurrency: u32,
    /// MiB of bases that are read a second to compare them with their digests; 0: none.
    pub scrub_mib_per_second: u64,
    /// Most GiB that the pool alone may hold; 0: unbounded.
    pub max_size_gb: u64,
    /// Most bases; 0: unbounded.
    pub max_count: u64,
    /// Where no link can be made, since images and bases are on two filesystems: `refuse`, `reflink` or `copy`.
    pub other_filesystem: String,
}

impl Default for ImageCache {
    fn default() -> Self {
        Self {
            manager_interval: 10,
            subdirectory_name: "_base".into(),
            remove_unused_base_images: true,
            remove_unused_original_minimum_age_seconds: 0,
            remove_unused_resized_minimum_age_seconds: 3600,
            precache_concurrency: 1,
            scrub_mib_per_second: 20,
            max_size_gb: 0,
            max_count: 0,
            other_filesystem: "refuse".into(),
        }
    }
}

/// `[first_network]`
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FirstNetwork {
    /// Its addresses.
    pub cidr: String,
    /// Name servers that its guests are told of.
    pub dns: Vec<std::net::IpAddr>,
}

impl Default for Default_ {
    fn default() -> Self {
        Self {
            host: String::new(),
            my_ip: "127.0.0.1".into(),
            compute_driver: "qemu".into(),
            max_concurrent_builds: 10,
            cpu_allocation_ratio: 4.0,
            ram_allocation_ratio: 1.0,
            disk_allocation_ratio: 1.0,
            reserved_host_memory_mb: 512,
            reserved_host_disk_mb: 0,
            reserved_host_cpus: 0,
            shutdown_timeout: 60,
            log_file: "hatchery.log".into(),
            log_dir: PathBuf::new(),
            log_rotation_type: "size".into(),
            max_logfile_size_mb: 1,
            max_logfile_count: 5,
            use_json: false,
            enabled_backends: vec![volume::FIRST.into()],
            image_conversion_dir: PathBuf::new(),
            show_image_direct_url: false,
            show_multiple_locations: false,
            allowed_direct_url_schemes: Vec::new(),
            cinder_internal_tenant_project_id: String::new(),
            cinder_internal_tenant_user_id: String::new(),
            backup_driver: "posix".into(),
            backup_posix_path: PathBuf::new(),
            backup_sha_block_size_bytes: 256 << 10,
            backup_ceph_conf: "/etc/ceph/ceph.conf".into(),
            backup_ceph_user: "cinder".into(),
            backup_ceph_pool: "backups".into(),
            backup_ceph_chunk_size: 128 << 20,
            force_raw_images: false,
        }
    }
}

impl Default for FilterScheduler {
    fn default() -> Self {
        Self { image_base_weight_multiplier: 1.0 }
    }
}

impl Default for Qemu {
    fn default() -> Self {
        Self {
            accel: "auto".into(),
            binary: "qemu-system-x86_64".into(),
            user: "qemu:qemu".into(),
            wait_soft_reboot_seconds: 120,
        }
    }
}

impl Default for Glance {
    fn default() -> Self {
        Self { image_size_cap: 1 << 40, upload_idle_timeout: 60 }
    }
}

impl Default for Token {
    fn default() -> Self {
        Self { expiration: 3600 }
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self { enabled: true }
    }
}

impl Default for FirstNetwork {
    fn default() -> Self {
        Self { cidr: "10.100.0.0/20".into(), dns: Vec::new() }
    }
}

/// Reads the settings: built-in ones, then the file, then `HATCHERY_<group>__<name>` in the environment.
pub fn read(file: Option<&Path>, default_file: &Path) -> anyhow::Result<Config> {
    let mut figment = Figment::from(Serialized::defaults(Config::default()));
    figment = match file {
        Some(path) => figment.merge(Toml::file_exact(path)),
        None => figment.merge(Toml::file(default_file)),
    };
    let environment = Env::prefixed("HATCHERY_")
        .filter(|name| name.as_str().contains("__"))
        .map(|name| {
            // Groups are lower case but for [DEFAULT].
            name.as_str().replacen("default__", "DEFAULT__", 1).into()
        })
        .split("__");
    let figment = figment.merge(environment);
    let mut config: Config = figment.extract().context("the settings cannot be read")?;
    config.backends = volume::backends(&figment, &config.default.enabled_backends)?;
    refuse_unknown(&figment, &config)?;
    if config.default.host.is_empty() {
        let name = nix::unistd::gethostname().context("the machine has no host name")?;
        config.default.host = name.to_string_lossy().into_owned();
    }
    Ok(config)
}

/// Groups that nobody reads are slips of the pen.
fn refuse_unknown(figment: &Figment, config: &Config) -> anyhow::Result<()> {
    let known = volume::groups()?;
    let found: figment::value::Dict = figment.extract().context("the settings cannot be read")?;
    for group in found.keys() {
        if !known.contains(group) && !config.backends.contains_key(group) {
            bail!(
                "the settings cannot be read: there is no group [{group}]; those there are: {}, and one for each name in \
                 [DEFAULT] enabled_backends",
                known.join(", ")
            );
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::read;
    use std::fs;

    #[test]
    fn the_file_is_read_and_slips_of_the_pen_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("hatchery.toml");
        let none = read(None, &path).unwrap();
        assert_eq!((none.qemu.accel.as_str(), none.default.max_concurrent_builds), ("auto", 10));
        assert!(!none.default.host.is_empty());

        fs::write(&path, "[qemu]\naccel = \"tcg\"\n[DEFAULT]\nhost = \"h1\"\n").unwrap();
        let some = read(None, &path).unwrap();
        assert_eq!((some.qemu.accel.as_str(), some.default.host.as_str()), ("tcg", "h1"));

        fs::write(&path, "[qemu]\nacel = \"tcg\"\n").unwrap();
        let error = format!("{:#}", read(None, &path).unwrap_err());
        assert!(error.contains("acel"), "{error}");
        fs::write(&path, "[qem]\naccel = \"tcg\"\n").unwrap();
        let error = format!("{:#}", read(None, &path).unwrap_err());
        assert!(error.contains("no group [qem]"), "{error}");
        assert!(read(Some(&dir.path().join("none")), &path).is_err());
    }
}
