//! Where images are kept: `[glance_store]`, with Glance's names.

use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// `[glance_store]`
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GlanceStore {
    /// `file` or `rbd`.
    pub default_store: String,
    /// Where images are kept besides, between commas or as a list: `cinder`, as volumes; the default store may be named, too.
    #[serde(deserialize_with = "super::volume::names")]
    pub stores: Vec<String>,
    /// Of `cinder`: the type of those volumes; the default one if empty.
    pub cinder_volume_type: String,
    /// Of `rbd`: the pool of the images.
    pub rbd_store_pool: String,
    /// Of `rbd`: the cephx user, without `client.`
    pub rbd_store_user: String,
    /// Of `rbd`: the cluster's configuration; where Ceph looks by itself if empty.
    pub rbd_store_ceph_conf: PathBuf,
    /// Of `rbd`: MiB of an object, a power of two.
    pub rbd_store_chunk_size: u64,
    /// Of `rbd`: seconds to wait for the cluster, for a connection and for each answer; below 1: 10 for one and 60 for the other.
    pub rados_connect_timeout: i64,
}

impl Default for GlanceStore {
    fn default() -> Self {
        Self {
            default_store: "file".into(),
            stores: Vec::new(),
            cinder_volume_type: String::new(),
            rbd_store_pool: "images".into(),
            rbd_store_user: String::new(),
            rbd_store_ceph_conf: PathBuf::new(),
            rbd_store_chunk_size: 8,
            rados_connect_timeout: -1,
        }
    }
}
