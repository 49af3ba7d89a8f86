//! How a hypervisor opens images of Ceph clusters.
//!
//! Contract. Called by a hypervisor's plug when it opens a disk; may block on files, never on a cluster. What it gives is handed to the
//! hypervisor's process by descriptors and private sockets, and never stands on a command line, in a log or in a message.

use hatchery_model::disk::RbdImage;
use std::fmt;

/// What opens the images of a cluster as a user.
#[derive(Clone, PartialEq, Eq)]
pub struct CephLogin {
    /// Text of the configuration, which names the monitors.
    pub conf: String,
    /// The user's key, in base64.
    pub key: String,
}

impl fmt::Debug for CephLogin {
    /// Without the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CephLogin").field("conf", &self.conf).finish_non_exhaustive()
    }
}

/// Why an image cannot be opened here: a sentence that says what to do.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{0}")]
pub struct NoCephLogin(pub String);

/// See the head of this file.
pub trait CephLogins: fmt::Debug + Send + Sync {
    /// What opens this image.
    fn find(&self, image: &RbdImage) -> Result<CephLogin, NoCephLogin>;
}

/// Of a host that has no images of Ceph.
#[derive(Clone, Copy, Debug)]
pub struct WithoutCeph;

impl CephLogins for WithoutCeph {
    fn find(&self, image: &RbdImage) -> Result<CephLogin, NoCephLogin> {
        Err(NoCephLogin(format!(
            "{}/{} lies in Ceph, and this host is not set up for that: give it a backend with the driver rbd",
            image.pool, image.image
        )))
    }
}
