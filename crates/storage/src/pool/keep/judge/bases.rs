//! What the hosts' `_base` folders need, and what to do with files in them that the pool did not put there.

use super::{Act, CacheIs, From, Place, View, is_alone};
use crate::pool::keep::ledger::{Entry, How, Strange};
use crate::pool::keep::seen::Seen;
use hatchery_model::image::ImageFormat;

impl View<'_> {
    /// What the `_base` folders need.
    pub(super) fn in_bases(&self, cache: CacheIs) -> Vec<Act> {
        let mut acts = Vec::new();
        for (number, base) in self.bases.iter().enumerate() {
            let act = match base {
                None => self.missing_base(number, cache),
                Some(seen) => self.present_base(number, seen, cache),
            };
            match act {
                Some(act) if is_alone(&act) => return vec![act],
                Some(act) => acts.push(act),
                None => {}
            }
        }
        acts
    }

    pub(super) fn missing_base(&self, number: usize, cache: CacheIs) -> Option<Act> {
        let place = Place::Base(number);
        let heals = self.entry.is_some() && self.held();
        let from = From::Name(Place::Cache);
        if !heals {
            let why = "the image is active".to_owned();
            return Some(Act::Name { place, from, heals, why });
        }
        let why = "it was lost, and disks lie on it".to_owned();
        if cache != CacheIs::Kept || self.trusts(from) {
            return Some(Act::Name { place, from, heals, why });
        }
        Some(Act::Verify { from })
    }

    pub(super) fn present_base(&self, number: usize, seen: &Seen, cache: CacheIs) -> Option<Act> {
        let place = Place::Base(number);
        let same =
            |other: Option<Seen>| other.is_some_and(|other| other.stamp.same_file(&seen.stamp));
        let linked = self.entry.is_none_or(|entry| entry.how == How::Link);
        if same(self.cached) || (linked && same(self.source)) {
            // The cache's name is about to lead elsewhere: this one follows.
            return (cache == CacheIs::Replaced).then(|| Act::Name {
                place,
                from: From::Name(Place::Cache),
                heals: self.held(),
                why: "the pool's bytes were replaced".to_owned(),
            });
        }
        // A base that is new to the pool is looked at once the pool knows what it should be.
        let entry = self.entry?;
        if self.unknown(seen.stamp, &self.base_folders[number]) {
            return Some(Act::Examine { place });
        }
        let strange = self.strange_at(place)?;
        self.on_strange(place, entry, strange)
    }

    /// What to do with a file in a base's place that the pool did not put there: Nova's own fetch, or damage.
    pub(super) fn on_strange(&self, place: Place, entry: &Entry, strange: &Strange) -> Option<Act> {
        let from = From::Name(Place::Cache);
        if strange.same == Some(true) {
            if self.cached.is_some_and(|cached| cached.stamp.dev != strange.stamp.dev) {
                return None;
            }
            // The very bytes: one inode is enough. Nobody can notice.
            let why = "the same bytes lay there as a file of their own".to_owned();
            return Some(Act::Name { place, from, heals: false, why });
        }
        let named: Vec<ImageFormat> = self.leases.iter().filter_map(|lease| lease.format).collect();
        let ours = named.contains(&entry.format);
        let theirs = strange.looks != entry.format && named.contains(&strange.looks);
        if ours && theirs {
            return Some(Act::Wrong {
                why: format!(
                    "some disks name {} and some {} for this base: it cannot be both. Rebuild or delete those of one kind",
                    entry.format, strange.looks
                ),
            });
        }
        if !ours && strange.looks != entry.format {
            return Some(Act::Leave {
                why: format!(
                    "the host has fetched it itself, as {}, and no disk there names {}",
                    strange.looks, entry.format
                ),
            });
        }
        let Some(false) = strange.same else {
            return Some(Act::Leave {
                why: "another file lies there, and without a digest nobody can say which is right"
                    .to_owned(),
            });
        };
        if !self.trusts(from) {
            return Some(Act::Verify { from });
        }
        let why = match strange.looks == entry.format {
            true => "its bytes were not the image's".to_owned(),
            false => format!(
                "the host has fetched it again as {}, and its disks name {}",
                strange.looks, entry.format
            ),
        };
        Some(Act::Replace { place, from, why })
    }
}
