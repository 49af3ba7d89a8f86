//! Images that are not active: what disks lie on stays and is put back, what nobody can need any more goes.

use super::{Act, Place, View, made_of};
use crate::pool::keep::seen::Seen;

impl View<'_> {
    /// An image whose base is neither wanted nor unwanted: what is there stays, what disks lie on is put back.
    pub(super) fn kept(&self, why: &str) -> Vec<Act> {
        let mut acts: Vec<Act> = self.note_used().into_iter().collect();
        if self.held() {
            acts.extend(self.hold());
        } else if self.cached.is_some() {
            acts.push(Act::Leave {
                why: format!("{why}: what is there stays, and no more is made"),
            });
        }
        acts
    }

    /// Puts back what disks lie on, from whoever has the bytes.
    pub(super) fn hold(&self) -> Vec<Act> {
        if self.entry.is_none() {
            return self.cached.map(|_| Act::Adopt).into_iter().collect();
        }
        let mut acts = Vec::new();
        let damaged = self
            .cached
            .is_some_and(|cached| self.entry.and_then(|entry| entry.damaged) == Some(cached.stamp));
        if self.cached.is_none() || damaged {
            let why = "it was lost, and disks lie on it".to_owned();
            match self.other_copy(Place::Cache) {
                Ok(from) if damaged => acts.push(Act::Replace { place: Place::Cache, from, why }),
                Ok(from) => acts.push(Act::Name { place: Place::Cache, from, heals: true, why }),
                Err(act) => return vec![act],
            }
        }
        let cache = made_of(&acts);
        acts.extend(self.in_bases(cache));
        acts
    }

    /// `queued`, `saving`, `importing`: no name may lead to bytes that still arrive.
    pub(super) fn unfinished(&self) -> Vec<Act> {
        if self.held() {
            return self.kept("the image is not finished");
        }
        let Some(source) = self.source else {
            return Vec::new();
        };
        let why = "the image is not finished".to_owned();
        let shows =
            |seen: &Option<Seen>| seen.is_some_and(|seen| seen.stamp.same_file(&source.stamp));
        if !shows(&self.cached) && !self.bases.iter().any(shows) {
            return Vec::new();
        }
        // The catalogue may have been asked before the image became active: by the next pass it knows.
        match self.entry {
            None => return vec![Act::Adopt],
            Some(entry) if entry.marked == 0 => return vec![Act::NoteUnused],
            Some(_) if !self.marked_before => return Vec::new(),
            Some(_) => {}
        }
        let mut acts = Vec::new();
        if shows(&self.cached) {
            acts.push(Act::Remove { place: Place::Cache, why: why.clone() });
        }
        for (number, base) in self.bases.iter().enumerate() {
            if shows(base) {
                acts.push(Act::Remove { place: Place::Base(number), why: why.clone() });
            }
        }
        acts
    }

    /// The catalogue does not know the image.
    pub(super) fn gone(&self) -> Vec<Act> {
        if self.held() {
            return self.kept("the image is gone");
        }
        if self.source.is_some() {
            return self
                .kept("the catalogue does not know the image, and its file is still in the store");
        }
        if self.cached.is_none() && self.entry.is_none() {
            return Vec::new();
        }
        if self.entry.is_none() {
            return vec![Act::Adopt];
        }
        if !self.rules.may_remove {
            return vec![Act::Leave {
                why: "nobody needs it, and unused bases are not removed".to_owned(),
            }];
        }
        let (Some(seconds), true) =
            (self.unused_seconds, self.entry.is_some_and(|entry| entry.marked > 0))
        else {
            return vec![Act::NoteUnused];
        };
        if !self.marked_before {
            return Vec::new();
        }
        self.remove(seconds)
    }

    /// Removes what may go by now.
    pub(super) fn remove(&self, seconds: u64) -> Vec<Act> {
        let mut acts = Vec::new();
        let old = seconds >= self.rules.minimum_age;
        let mut left = false;
        for (number, base) in self.bases.iter().enumerate() {
            let Some(seen) = base else { continue };
            let ours = self.cached.is_some_and(|cached| cached.stamp.same_file(&seen.stamp))
                || self.entry.is_some_and(|entry| entry.good == Some(seen.stamp));
            let why = format!("the image is gone, and no disk has lain on it for {seconds} s");
            match old && ours {
                true => acts.push(Act::Remove { place: Place::Base(number), why }),
                false => left |= ours,
            }
        }
        if left {
            let rest = self.rules.minimum_age.saturating_sub(seconds);
            acts.push(Act::Leave {
                why: format!(
                    "the image is gone and nobody needs it: it goes in {rest} s if that stays so"
                ),
            });
            return acts;
        }
        // Without `_base` folders of its own the cache is the one.
        if old || !self.bases.is_empty() {
            if self.cached.is_some() {
                let why = "the image is gone, and nobody holds it".to_owned();
                acts.push(Act::Remove { place: Place::Cache, why });
            }
            acts.push(Act::Forget);
        } else {
            let rest = self.rules.minimum_age.saturating_sub(seconds);
            acts.push(Act::Leave {
                why: format!(
                    "the image is gone and nobody needs it: it goes in {rest} s if that stays so"
                ),
            });
        }
        acts
    }
}
