//! Where the disks of guests live: Nova's `[libvirt]`.

use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// `[libvirt]`
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Libvirt {
    /// `default` or `qcow2`: files; `rbd`: images of Ceph.
    pub images_type: String,
    /// Of `rbd`: the pool of the disks.
    pub images_rbd_pool: String,
    /// Of `rbd`: the cluster's configuration; where Ceph looks by itself if empty.
    pub images_rbd_ceph_conf: PathBuf,
    /// Of `rbd`: the cephx user, without `client.`
    pub rbd_user: String,
    /// Of `rbd`: a secret of libvirt. Taken and not used: QEMU gets the key by itself.
    pub rbd_secret_uuid: String,
    /// How the host caches what guests write, for each kind of storage: `file=writeback`, `network=none`. What is not named goes past the page cache
    /// where that can be done.
    #[serde(deserialize_with = "super::volume::names")]
    pub disk_cachemodes: Vec<String>,
    /// Of `rbd`: seconds to wait for a connection to the cluster.
    pub rbd_connect_timeout: u64,
}

impl Default for Libvirt {
    fn default() -> Self {
        Self {
            images_type: "default".into(),
            images_rbd_pool: "rbd".into(),
            images_rbd_ceph_conf: PathBuf::new(),
            rbd_user: String::new(),
            rbd_secret_uuid: String::new(),
            disk_cachemodes: Vec::new(),
            rbd_connect_timeout: 5,
        }
    }
}
