//! What the system's errors mean to whoever keeps a pool.

use hatchery_ports::base_pool::PoolError;
use nix::errno::Errno;
use std::io;

/// A sentence with what to do, where somebody can do something.
pub(super) fn sentence(error: &io::Error) -> String {
    match error.raw_os_error().map(Errno::from_raw) {
        Some(Errno::ENOSPC | Errno::EDQUOT) => {
            "the pool's filesystem is full: free some room; nothing that was there has changed".to_owned()
        }
        Some(Errno::EACCES | Errno::EPERM) => {
            format!("the system does not let this process do it ({error}): run it as root or as the files' owner, and see that root is not squashed")
        }
        Some(Errno::EROFS) => "the filesystem is mounted read-only".to_owned(),
        Some(Errno::EMLINK) => "the image's file has as many names as its filesystem allows".to_owned(),
        Some(Errno::ESTALE) => {
            "the file server does not know the file any more (stale file handle): it is looked at again at the next pass".to_owned()
        }
        Some(_) | None => error.to_string(),
    }
}

/// The same, of a call as a whole.
pub(super) fn pool_error(doing: &str, error: io::Error) -> PoolError {
    match error.raw_os_error().map(Errno::from_raw) {
        Some(Errno::ENOSPC | Errno::EDQUOT) => PoolError::Exhausted(sentence(&error)),
        Some(Errno::EACCES | Errno::EPERM | Errno::EROFS) => {
            PoolError::Denied(format!("the pool cannot {doing}: {}", sentence(&error)))
        }
        Some(_) | None => PoolError::Unavailable { doing: doing.to_owned(), source: error },
    }
}

#[cfg(test)]
mod tests {
    use super::pool_error;
    use nix::errno::Errno;

    #[test]
    fn a_refusal_says_what_was_being_done_and_what_to_do() {
        for errno in [Errno::EACCES, Errno::EPERM, Errno::EROFS] {
            let error = pool_error("lock /srv/pool/imagecache/.hatchery-pool.lock", errno.into());
            let text = error.to_string();
            assert!(text.starts_with("the pool cannot lock /srv/pool/imagecache/"), "{text}");
            assert!(text.contains("root") || text.contains("read-only"), "{text}");
        }
    }
}
