//! A backend: a place where volumes live, served by one agent or several.

use super::ImageCacheBounds;
use crate::id::HostName;
use crate::provision::VolumeTargetFacts;
use crate::units::Bytes;
use serde::{Deserialize, Serialize};
use std::fmt;

/// `host@backend#pool`, as `os-vol-host-attr:host` shows it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct BackendName {
    /// The host whose agent serves it.
    pub host: HostName,
    /// Its section in the configuration (`enabled_backends`).
    pub backend: String,
    /// Its pool: what `volume_backend_name` says.
    pub pool: String,
}

impl fmt::Display for BackendName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}#{}", self.host, self.backend, self.pool)
    }
}

/// From where a backend's volumes can be used.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Reach {
    /// From the hosts whose agents serve it: files of a filesystem that is mounted there.
    ServingHosts,
    /// From every host: a cluster that is reached over the network.
    EveryHost,
}

/// What an agent says of a backend that it serves.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct BackendReport {
    /// Its section in the configuration.
    pub backend: String,
    /// `volume_backend_name`.
    pub pool: String,
    /// `file`, `nfs` or `ceph`: what capabilities call `storage_protocol`.
    pub protocol: String,
    /// From where its volumes can be used.
    pub reach: Reach,
    /// Its size. 0: not known, as in a cluster that has just been made and counts later.
    pub total: Bytes,
    /// Free of that.
    pub free: Bytes,
    /// What it can do, each found by a trial.
    pub target: VolumeTargetFacts,
    /// How much its image-volume cache may hold. `None`: it has none.
    #[serde(default)]
    pub image_cache: Option<ImageCacheBounds>,
    /// `image_upload_use_cinder_backend`: raw images of its volumes are kept as volumes there, too.
    #[serde(default)]
    pub image_volumes: bool,
    /// Why it cannot be used now. `None`: it is up.
    pub down: Option<String>,
}
