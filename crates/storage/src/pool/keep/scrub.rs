//! Reading bases against their digests, at whatever rate the caller sets.

use super::judge::{From, Place};
use super::round::Round;
use hatchery_model::base::{BaseName, Did};

impl Round<'_> {
    /// The bases that have a digest, by when they were last compared with it.
    pub(super) fn longest_unread(&self) -> Vec<BaseName> {
        let digest = |base: &&BaseName| {
            self.ledger.entries.get(*base).is_some_and(|entry| entry.digest.is_some())
        };
        let mut order: Vec<BaseName> =
            self.world.cache.files.keys().filter(digest).cloned().collect();
        order.sort_by_key(|base| self.ledger.entries.get(base).and_then(|entry| entry.verified_at));
        order
    }

    /// Reads a base to its end; says how many bytes, or `None` where there is none. What is found damaged is said here and put right by the
    /// next pass, which knows where to take it from.
    pub(super) fn scrub(&mut self, base: &BaseName) -> Option<u64> {
        let size = self.world.cache.files.get(base)?.stamp.size;
        match self.verify(base, From::Name(Place::Cache)) {
            Ok(Some(true)) => {}
            Ok(Some(false)) => {
                let why = "its bytes are not those that were taken in".to_owned();
                self.deed(base, Did::Failed, why, Vec::new());
            }
            Ok(None) => {
                let why = "no digest is known for it".to_owned();
                self.deed(base, Did::LeftAlone, why, Vec::new());
            }
            Err(error) => {
                let why = super::error::sentence(&error);
                self.deed(base, Did::Failed, why, Vec::new());
            }
        }
        Some(size)
    }
}
