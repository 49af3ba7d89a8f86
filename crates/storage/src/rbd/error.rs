//! What an error of Ceph means, for callers to decide by.

use nix::errno::Errno;

/// How something clashes with what is there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Clash {
    /// It is there already.
    Exists,
    /// Somebody has it open, or holds its lock.
    InUse,
    /// It has snapshots or clones.
    NotEmpty,
}

/// Why Ceph did not do it.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum CephError {
    /// The pool, the image, the snapshot or the note is not there.
    #[error("Ceph cannot {0}: there is no such thing")]
    NotFound(String),
    /// What is there does not allow it.
    #[error("Ceph cannot {doing}: {}", why(.clash))]
    Conflict {
        /// What was being done.
        doing: String,
        /// Why not.
        clash: Clash,
    },
    /// The caller's wish can never be granted.
    #[error("Ceph cannot {0}: it takes no such value")]
    Invalid(String),
    /// The user may not do that, or its key is wrong. The text says what to do.
    #[error("{0}")]
    Denied(String),
    /// The pool or its quota is full.
    #[error("Ceph cannot {0}: the pool or its quota is full")]
    Exhausted(String),
    /// This host has no library for it, or the cluster does not know how.
    #[error("{0}")]
    Unsupported(String),
    /// It was told to end.
    #[error("Ceph was told not to go on to {0}")]
    Canceled(String),
    /// No answer in time, or an error that may pass. The text says what to do.
    #[error("Ceph cannot {doing}")]
    Unavailable {
        /// What was being done.
        doing: String,
        /// Why not.
        #[source]
        source: Errno,
    },
}

const fn why(clash: &Clash) -> &'static str {
    match clash {
        Clash::Exists => "it is there already",
        Clash::InUse => {
            "somebody has it open. After a client has died, this passes within 30 seconds"
        }
        Clash::NotEmpty => "it has snapshots, or clones that were made of it",
    }
}

impl CephError {
    /// By the error's number. `doing` follows "Ceph cannot".
    pub(super) fn new(doing: impl Into<String>, errno: Errno) -> Self {
        let doing = doing.into();
        match errno {
            Errno::ENOENT => Self::NotFound(doing),
            Errno::EEXIST => Self::Conflict { doing, clash: Clash::Exists },
            Errno::EBUSY | Errno::EROFS => Self::Conflict { doing, clash: Clash::InUse },
            Errno::ENOTEMPTY => Self::Conflict { doing, clash: Clash::NotEmpty },
            Errno::EINVAL | Errno::EDOM | Errno::ERANGE | Errno::ENAMETOOLONG => {
                Self::Invalid(doing)
            }
            Errno::EACCES | Errno::EPERM => Self::Denied(format!(
                "Ceph does not let the user {doing}: give it the capabilities of `profile rbd` on the pool"
            )),
            Errno::ENOSPC | Errno::EDQUOT => Self::Exhausted(doing),
            Errno::EOPNOTSUPP | Errno::ENOSYS => {
                Self::Unsupported(format!("this cluster does not know how to {doing}"))
            }
            Errno::ECANCELED => Self::Canceled(doing),
            source => Self::Unavailable { doing, source },
        }
    }

    /// Whether the thing was not there.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::NotFound(_))
    }

    /// Whether it clashes in this way.
    pub fn clashes(&self, with: Clash) -> bool {
        matches!(self, Self::Conflict { clash, .. } if *clash == with)
    }

    /// Whether the connection is of no use any more: the cluster has shut this client out, or its handle was closed.
    pub(super) fn is_cut_off(&self) -> bool {
        matches!(self, Self::Unavailable { source: Errno::ESHUTDOWN | Errno::ENOTCONN, .. })
    }
}

/// Says what was being done when the library answered with an error.
pub(super) trait Doing<T> {
    /// `doing` follows "Ceph cannot".
    fn doing(self, doing: impl FnOnce() -> String) -> Result<T, CephError>;
}

impl<T> Doing<T> for Result<T, Errno> {
    fn doing(self, doing: impl FnOnce() -> String) -> Result<T, CephError> {
        self.map_err(|errno| CephError::new(doing(), errno))
    }
}
