//! What a pass learns by reading: what lies in the cache without being remembered, whether bytes have their digest, what a host has put in a
//! base's place.

use super::judge::{Act, From, Place};
use super::ledger::{Entry, How, Strange};
use super::make;
use super::round::Round;
use super::seen::Seen;
use crate::inspect::INSPECTOR_VERSION;
use hatchery_model::base::BaseName;
use hatchery_model::units::Bytes;
use std::collections::BTreeMap;
use std::io;

impl Round<'_> {
    pub(super) fn learn(&mut self, base: &BaseName, act: &Act) -> io::Result<()> {
        match act {
            Act::Adopt => self.adopt(base),
            Act::Verify { from } => self.verify(base, *from).map(drop),
            Act::Examine { place } => self.examine(base, *place),
            Act::Name { .. }
            | Act::Replace { .. }
            | Act::NoteUnused
            | Act::NoteUsed
            | Act::Remove { .. }
            | Act::Forget
            | Act::Leave { .. }
            | Act::Wrong { .. } => Ok(()),
        }
    }

    /// Writes down what lies there: a ledger that was lost, or a base whose maker was cut off after its name was given.
    fn adopt(&mut self, base: &BaseName) -> io::Result<()> {
        let place = match self.places_of(base) {
            places if places.contains(&Place::Cache) => Place::Cache,
            places => places.first().copied().unwrap_or(Place::Cache),
        };
        let path = self.path(base, place);
        let Some(cached) = Seen::at(&path)? else {
            self.see(base, place, None);
            return Ok(());
        };
        let image = self.images.get(base).cloned();
        let linked = image.as_ref().and_then(|image| self.world.source(image).1);
        let linked = linked.is_some_and(|source| source.stamp.same_file(&cached.stamp));
        let looks = make::looks(&path)?;
        let digest = image.as_ref().and_then(|image| image.digest.clone());
        let size = Bytes(cached.stamp.size);
        let mut entry = Entry {
            image: image.as_ref().map(|image| image.id),
            how: if linked { How::Link } else { How::Copy },
            format: looks,
            size,
            virtual_size: size,
            digest,
            inspector_version: INSPECTOR_VERSION,
            since: self.now,
            good: (linked && self.settings.trusted_store).then_some(cached.stamp),
            damaged: None,
            verified_at: None,
            unused: BTreeMap::new(),
            marked: 0,
            strange: BTreeMap::new(),
            servers: BTreeMap::new(),
        };
        if let Some(format) = image.as_ref().and_then(|image| image.format)
            && let Ok(inspection) = make::inspect(&path, format)
        {
            (entry.format, entry.virtual_size) = (inspection.format, inspection.virtual_bytes);
        }
        self.ledger.entries.insert(base.clone(), entry);
        if linked || image.is_none() {
            Ok(())
        } else {
            self.verify(base, From::Name(place)).map(drop)
        }
    }

    /// Compares bytes with the digest. `None`: there is none to compare with.
    pub(super) fn verify(&mut self, base: &BaseName, from: From) -> io::Result<Option<bool>> {
        let path = self.origin(base, from);
        let before = Seen::at(&path)?;
        let wanted = self.ledger.entries.get(base).and_then(|entry| entry.digest.clone());
        let (Some(before), Some(wanted)) = (before, wanted) else {
            return Ok(None);
        };
        let found = make::digest(&path, wanted.algorithm, self.steps)?;
        // What changed while it was read proves nothing.
        if Seen::at(&path)?.map(|seen| seen.stamp) != Some(before.stamp) {
            return Ok(None);
        }
        let same = found == wanted;
        let now = self.now;
        if let Some(entry) = self.ledger.entries.get_mut(base) {
            if same {
                (entry.good, entry.verified_at) = (Some(before.stamp), Some(now));
                if entry.damaged == Some(before.stamp) {
                    entry.damaged = None;
                }
            } else {
                entry.damaged = Some(before.stamp);
                if entry.good == Some(before.stamp) {
                    entry.good = None;
                }
            }
        }
        Ok(Some(same))
    }

    /// Reads a file that the pool did not put there.
    fn examine(&mut self, base: &BaseName, place: Place) -> io::Result<()> {
        let path = self.path(base, place);
        let Some(seen) = Seen::at(&path)? else {
            match place {
                Place::Cache => self.world.cache.files.remove(base),
                Place::Base(number) => self.world.bases[number].files.remove(base),
            };
            return Ok(());
        };
        let Some(entry) = self.ledger.entries.get(base) else {
            return Ok(());
        };
        let same = match (&entry.digest, seen.stamp.size == entry.size.0) {
            (None, _) => None,
            (Some(_), false) => Some(false),
            (Some(wanted), true) => {
                Some(make::digest(&path, wanted.algorithm, self.steps)? == *wanted)
            }
        };
        let strange = Strange { stamp: seen.stamp, looks: make::looks(&path)?, same };
        let folder = match place {
            Place::Cache => "cache".to_owned(),
            Place::Base(number) => self.world.base_names[number].clone(),
        };
        self.see(base, place, Some(seen));
        if let Some(entry) = self.ledger.entries.get_mut(base) {
            entry.strange.insert(folder, strange);
        }
        Ok(())
    }
}
