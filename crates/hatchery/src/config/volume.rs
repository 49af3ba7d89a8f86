//! Where volumes live: Cinder's `enabled_backends`, and a group for each.

use super::Config;
use anyhow::{Context, bail};
use figment::Figment;
use figment::value::Value;
use serde::{Deserialize, Deserializer, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// The backend of a cloud in which nothing was set.
pub const FIRST: &str = "file";

/// The group of a backend.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Backend {
    /// `file`, `nfs` or `rbd`.
    pub volume_driver: String,
    /// What volume types choose it by; the group's name if empty. Backends may share it.
    pub volume_backend_name: String,
    /// Whether images are kept as volumes of the internal project, and further volumes cloned of those, where that saves a copy.
    pub image_volume_cache_enabled: bool,
    /// Most GiB of such volumes; 0: unbounded.
    pub image_volume_cache_max_size_gb: u64,
    /// Most such volumes; 0: unbounded.
    pub image_volume_cache_max_count: u64,
    /// Whether a raw image that is made of a volume is kept as a clone of that, too, of which volumes are cloned
    /// (`allowed_direct_url_schemes`).
    pub image_upload_use_cinder_backend: bool,
    /// Of `file`: folder of the volumes; `volumes/<group>` in the state folder if empty.
    pub file_folder: PathBuf,
    /// Of `file`: `qcow2` or `raw`, for volumes that are made of nothing.
    pub file_format: String,
    /// Of `nfs`: the folder that the share is mounted on, by the operator. Cinder has a base of such folders, and mounts by itself.
    pub nfs_mount_point: PathBuf,
    /// Of `nfs`: volumes that are made of nothing are qcow2 files, and raw ones else.
    pub nfs_qcow2_volumes: bool,
    /// Of `nfs`: `true` gives no file to the hypervisor's user, `false` gives it each, `auto` where the share lets us.
    #[serde(deserialize_with = "or_auto")]
    pub nas_secure_file_operations: Option<bool>,
    /// Of `nfs`, for files that are not given away: `true` and `auto` let their owner and group use them, `false` everybody.
    #[serde(deserialize_with = "or_auto")]
    pub nas_secure_file_permissions: Option<bool>,
    /// Of `rbd`: the pool of the volumes.
    pub rbd_pool: String,
    /// Of `rbd`: the cephx user, without `client.`
    pub rbd_user: String,
    /// Of `rbd`: the cluster's configuration; where Ceph looks by itself if empty.
    pub rbd_ceph_conf: PathBuf,
    /// Of `rbd`: the cluster's name.
    pub rbd_cluster_name: String,
    /// Of `rbd`: a secret of libvirt. Taken and not used: QEMU gets the key by itself.
    pub rbd_secret_uuid: String,
    /// Of `rbd`: volumes from snapshots share nothing with them.
    pub rbd_flatten_volume_from_snapshot: bool,
    /// Of `rbd`: so many copies lie on one another at most; 0 or less: copies share nothing with their source.
    pub rbd_max_clone_depth: i64,
    /// Of `rbd`: MiB of an object, a power of two.
    pub rbd_store_chunk_size: u64,
    /// Of `rbd`: seconds to wait for the cluster, for a connection and for each answer; below 1: 10 for one and 60 for the other.
    pub rados_connect_timeout: i64,
    /// Of `rbd`: how often the removal of a volume that is in use is tried again.
    pub rados_connection_retries: u32,
    /// Of `rbd`: seconds before that.
    pub rados_connection_interval: u64,
}

impl Default for Backend {
    fn default() -> Self {
        Self {
            volume_driver: "file".into(),
            volume_backend_name: String::new(),
            image_volume_cache_enabled: false,
            image_volume_cache_max_size_gb: 0,
            image_volume_cache_max_count: 0,
            image_upload_use_cinder_backend: false,
            file_folder: PathBuf::new(),
            file_format: "qcow2".into(),
            nfs_mount_point: PathBuf::new(),
            nfs_qcow2_volumes: false,
            nas_secure_file_operations: None,
            nas_secure_file_permissions: None,
            rbd_pool: "rbd".into(),
            rbd_user: String::new(),
            rbd_ceph_conf: PathBuf::new(),
            rbd_cluster_name: "ceph".into(),
            rbd_secret_uuid: String::new(),
            rbd_flatten_volume_from_snapshot: false,
            rbd_max_clone_depth: 5,
            rbd_store_chunk_size: 4,
            rados_connect_timeout: -1,
            rados_connection_retries: 3,
            rados_connection_interval: 5,
        }
    }
}

impl Backend {
    /// What volume types choose it by.
    pub fn pool(&self, group: &str) -> String {
        match self.volume_backend_name.as_str() {
            "" => group.to_owned(),
            name => name.to_owned(),
        }
    }
}

/// Reads a switch that may be `auto`, which is `None`; also as a text, as OpenStack's files have it.
fn or_auto<'de, D: Deserializer<'de>>(from: D) -> Result<Option<bool>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Switch {
        Set(bool),
        Text(String),
    }
    match Switch::deserialize(from)? {
        Switch::Set(set) => Ok(Some(set)),
        Switch::Text(text) => match text.to_ascii_lowercase().as_str() {
            "auto" => Ok(None),
            "true" => Ok(Some(true)),
            "false" => Ok(Some(false)),
            _ => Err(serde::de::Error::custom(format!("'{text}': choose auto, true or false"))),
        },
    }
}

/// Reads a list of names, or a text with commas between them, as OpenStack's files have it.
pub fn names<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Names {
        List(Vec<String>),
        Text(String),
    }
    Ok(match Names::deserialize(from)? {
        Names::List(names) => names,
        Names::Text(text) => text
            .split(',')
            .map(|name| name.trim().to_owned())
            .filter(|name| !name.is_empty())
            .collect(),
    })
}

/// The names of all groups but the backends'.
pub fn groups() -> anyhow::Result<Vec<String>> {
    let all = Value::serialize(Config::default()).context("the built-in settings have no form")?;
    Ok(all.into_dict().unwrap_or_default().into_keys().collect())
}

/// The groups of the backends.
pub fn backends(
    figment: &Figment,
    enabled: &[String],
) -> anyhow::Result<BTreeMap<String, Backend>> {
    let known = groups()?;
    let mut backends = BTreeMap::new();
    for name in enabled {
        if known.contains(name) {
            bail!(
                "[DEFAULT] enabled_backends has '{name}', which is a group of other settings: choose another name"
            );
        }
        if name.contains(['@', '#', '/']) {
            bail!(
                "[DEFAULT] enabled_backends has '{name}': a volume's host is host@backend#pool, so a name has none of @, # and /"
            );
        }
        if figment.find_value(name).is_err() && name != FIRST {
            bail!(
                "[DEFAULT] enabled_backends has '{name}', and there is no group [{name}]: write one with its volume_driver"
            );
        }
        let of_all = Figment::from(figment.focus("backend_defaults"));
        of_all.extract::<Backend>().context("the settings in [backend_defaults] cannot be read")?;
        let backend = of_all.merge(figment.focus(name)).extract();
        let backend =
            backend.with_context(|| format!("the settings in [{name}] cannot be read"))?;
        backends.insert(name.clone(), backend);
    }
    Ok(backends)
}

#[cfg(test)]
mod tests {
    use crate::config::read;
    use std::fs;
    use std::path::Path;

    #[test]
    fn each_enabled_backend_has_its_group() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("hatchery.toml");
        let none = read(None, &path).unwrap();
        assert_eq!(none.backends.keys().collect::<Vec<_>>(), ["file"]);
        assert_eq!(none.backends["file"].pool("file"), "file");

        let write = |text: &str| fs::write(&path, text).unwrap();
        write(
            "[DEFAULT]\nenabled_backends = \"fast, slow\"\n\
             [fast]\nvolume_driver = \"file\"\nvolume_backend_name = \"ssd\"\n\
             [slow]\nfile_folder = \"/srv/slow\"\nfile_format = \"raw\"\nimage_volume_cache_max_count = 7\n\
             [backend_defaults]\nimage_volume_cache_enabled = true\nimage_volume_cache_max_count = 3\n",
        );
        let two = read(None, &path).unwrap();
        assert_eq!(two.default.enabled_backends, ["fast", "slow"]);
        assert_eq!(two.backends["fast"].pool("fast"), "ssd");
        assert_eq!(two.backends["slow"].file_folder, Path::new("/srv/slow"));
        for (backend, most) in [("fast", 3), ("slow", 7)] {
            let set = &two.backends[backend];
            assert!(set.image_volume_cache_enabled);
            assert_eq!(set.image_volume_cache_max_count, most);
        }

        for (text, set) in [("true", Some(true)), ("\"False\"", Some(false)), ("\"auto\"", None)] {
            write(&format!(
                "[file]\nvolume_driver = \"nfs\"\nnas_secure_file_permissions = {text}\n"
            ));
            assert_eq!(
                read(None, &path).unwrap().backends["file"].nas_secure_file_permissions,
                set
            );
        }
        for (text, why) in [
            ("[DEFAULT]\nenabled_backends = [\"ceph\"]\n", "no group [ceph]"),
            ("[DEFAULT]\nenabled_backends = [\"qemu\"]\n", "group of other settings"),
            ("[DEFAULT]\nenabled_backends = [\"a@b\"]\n", "host@backend#pool"),
            ("[file]\nfolder = \"/x\"\n", "unknown field: found `folder`"),
            ("[backend_defaults]\nfoldr = \"/x\"\n", "settings in [backend_defaults] cannot"),
            ("[DEFAULT]\nenabled_backends = []\n[file]\n", "no group [file]"),
            ("[file]\nnas_secure_file_operations = \"maybe\"\n", "choose auto, true or false"),
        ] {
            write(text);
            let error = format!("{:#}", read(None, &path).unwrap_err());
            assert!(error.contains(why), "{error}");
        }
    }
}
