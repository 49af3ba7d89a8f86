//! The bounds of a pool, asked before anything is made: how many names it may have, and how many bytes that nobody else holds.

use super::ledger::How;
use super::round::Round;
use hatchery_model::base::{BaseName, Did};
use hatchery_model::units::Bytes;
use std::io;

impl Round<'_> {
    /// Makes sure that one more name with so many bytes of its own fits; bases that nobody needs any more make room, oldest first. Else why not.
    pub(super) fn room(&mut self, base: &BaseName, bytes: Bytes) -> io::Result<Result<(), String>> {
        if self.world.cache.files.contains_key(base) {
            return Ok(Ok(()));
        }
        loop {
            let Err(why) = self.fits(bytes) else {
                return Ok(Ok(()));
            };
            let Some(least) = self.least_needed() else {
                return Ok(Err(why));
            };
            for place in self.places_of(&least) {
                self.removed(&least, place)?;
            }
            self.deed(
                &least,
                Did::Removed,
                "nobody needs it, and room was needed".to_owned(),
                Vec::new(),
            );
            self.ledger.entries.remove(&least);
        }
    }

    fn fits(&self, bytes: Bytes) -> Result<(), String> {
        let count = self.world.cache.files.len() as u64;
        if let Some(most) = self.settings.max_count.filter(|most| count >= *most) {
            return Err(format!(
                "the pool has {count} bases, and may have {most}: raise max_count, or delete images"
            ));
        }
        let held = self.held_bytes();
        match self.settings.max_bytes {
            Some(most) if held.0.saturating_add(bytes.0) > most.0 => Err(format!(
                "the pool alone holds {held} of the {most} that it may, and this base needs {bytes} more: raise max_size_gb, or delete images"
            )),
            Some(_) | None => Ok(()),
        }
    }

    /// Bytes that nobody but the pool holds: copies, raw forms, and what is left of deleted images.
    pub(super) fn held_bytes(&self) -> Bytes {
        let own = self.world.cache.files.iter().filter(|(base, _)| {
            let entry = self.ledger.entries.get(*base);
            let is_link = entry.is_none_or(|entry| entry.how == How::Link);
            !is_link || self.view(base).source.is_none()
        });
        Bytes(own.map(|(_, seen)| seen.allocated.0).fold(0, u64::saturating_add))
    }

    /// The oldest base whose image is gone and that nobody holds.
    fn least_needed(&self) -> Option<BaseName> {
        let settings = self.settings;
        let leases = self.leases.filter(|_| settings.remove_unused && !self.dry_run)?;
        let unneeded = self.world.cache.files.keys().filter(|base| {
            let view = self.view(base);
            let gone = view.image.is_none() && view.source.is_none();
            gone && view.marked_before && !leases.holds(base)
        });
        let since = |base: &&BaseName| self.ledger.entries.get(*base).map(|entry| entry.since);
        unneeded.min_by_key(since).cloned()
    }
}
