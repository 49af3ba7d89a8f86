//! What an operator chooses of QEMU.

use super::cache::CacheModes;
use hatchery_ports::ceph_logins::{CephLogins, WithoutCeph};
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

/// What the operator wants guests to run on.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum AcceleratorChoice {
    /// KVM if a trial guest really runs on it, else TCG.
    #[default]
    Auto,
    /// The processor's own virtualisation.
    Kvm,
    /// Translation in software.
    Tcg,
}

/// What guests run on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Accelerator {
    /// The processor's own virtualisation.
    Kvm,
    /// Translation in software.
    Tcg,
}

/// How to run QEMU.
#[derive(Clone, Debug)]
pub struct QemuSettings {
    /// Program, as a path or a name looked up in `PATH`.
    pub binary: PathBuf,
    /// What guests run on.
    pub accelerator: AcceleratorChoice,
    /// Unprivileged user and group that QEMU becomes; `None` leaves it the caller's.
    pub user: Option<(u32, u32)>,
    /// Folder whose filesystem holds the guests, for the host's free space.
    pub instances: PathBuf,
    /// An address of this host, as reported in its resources.
    pub host_address: String,
    /// How long QEMU may take from exec to running processors.
    pub start_deadline: Duration,
    /// How long QEMU may take to answer one request.
    pub answer_deadline: Duration,
    /// How long QEMU may take to end in order before it is killed.
    pub end_deadline: Duration,
    /// How long a guest may take to let go of a volume.
    pub detach_deadline: Duration,
    /// How the host caches what guests write.
    pub cache: CacheModes,
    /// How images of Ceph are opened.
    pub ceph: Arc<dyn CephLogins>,
    /// How long a trial guest may take to prove KVM; it takes a tenth of a second where KVM works.
    pub proof_deadline: Duration,
}

impl Default for QemuSettings {
    fn default() -> Self {
        Self {
            binary: PathBuf::from("qemu-system-x86_64"),
            accelerator: AcceleratorChoice::Auto,
            user: None,
            instances: PathBuf::from("/"),
            host_address: "127.0.0.1".to_owned(),
            start_deadline: Duration::from_secs(30),
            answer_deadline: Duration::from_secs(5),
            end_deadline: Duration::from_secs(5),
            detach_deadline: Duration::from_secs(60),
            cache: CacheModes::default(),
            ceph: Arc::new(WithoutCeph),
            proof_deadline: Duration::from_secs(2),
        }
    }
}

impl Accelerator {
    /// QEMU's word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Kvm => "kvm",
            Self::Tcg => "tcg",
        }
    }
}

impl fmt::Display for Accelerator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for AcceleratorChoice {
    type Err = String;
    /// Reads `auto`, `kvm` or `tcg`. The error is a sentence for the operator.
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "auto" => Ok(Self::Auto),
            "kvm" => Ok(Self::Kvm),
            "tcg" => Ok(Self::Tcg),
            other => Err(format!("'{other}' is no accelerator: choose auto, kvm or tcg")),
        }
    }
}
