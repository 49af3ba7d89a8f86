//! Reading bases against their digests, at whatever rate the caller sets.

use super::judge::{From, Place};
use super::round::Round;
use hatchery_model::base::{BaseName, Did};
use hatchery_model::units::Bytes;

impl Round<'_> {
    /// Reads until about `budget` bytes were read, those first that were not for the longest time; or the one that is named, whatever
    /// its size. What is found damaged is said here and put right by the next pass, which knows where to take it from.
    pub(super) fn scrub(&mut self, budget: Bytes, only: Option<&BaseName>) -> usize {
        let mut order: Vec<BaseName> = self.world.cache.files.keys().cloned().collect();
        order.retain(|base| only.is_none_or(|only| only == base));
        order.sort_by_key(|base| self.ledger.entries.get(base).and_then(|entry| entry.verified_at));
        let (mut looked_at, mut read) = (0, 0);
        for base in order {
            if read >= budget.0 && only.is_none() {
                break;
            }
            match self.verify(&base, From::Name(Place::Cache)) {
                Ok(Some(true)) => {}
                Ok(Some(false)) => {
                    let why = "its bytes are not those that were taken in".to_owned();
                    self.deed(&base, Did::Failed, why, Vec::new());
                }
                Ok(None) if only.is_some() => {
                    let why = "no digest is known for it".to_owned();
                    self.deed(&base, Did::LeftAlone, why, Vec::new());
                }
                Ok(None) => continue,
                Err(error) => {
                    let why = super::error::sentence(&error);
                    self.deed(&base, Did::Failed, why, Vec::new());
                }
            }
            looked_at += 1;
            let size = self.world.cache.files.get(&base).map_or(0, |seen| seen.stamp.size);
            read = read.saturating_add(size);
        }
        looked_at
    }
}
