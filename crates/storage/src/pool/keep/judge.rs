//! The decision on one base: a pure function of what the catalogue says, what lies in the folders, what is remembered and who holds it.
//!
//! Two witnesses are needed before anything goes: the catalogue, which must not know the image, and the store, which must not have its
//! file. Age, owners and times of files are no witnesses. What is not understood is left alone, with the reason.

mod bases;
#[cfg(test)]
mod model;
mod unwanted;

use super::ledger::{Entry, How, Strange};
use super::seen::{Seen, Stamp};
use hatchery_model::base::BaseLease;
use hatchery_model::image::{CatalogImage, CatalogState, DiskFormat, ImageFormat};

/// Where a base has a name.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Place {
    /// The pool's folder of links.
    Cache,
    /// A `_base` folder, by its number.
    Base(usize),
}

/// Where a base's bytes are taken from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum From {
    /// The image's file in the store.
    Store,
    /// A name that the base has already.
    Name(Place),
}

/// What is to be done.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Act {
    /// Give the base this name. `heals`: it had it, and somebody needs it.
    Name { place: Place, from: From, heals: bool, why: String },
    /// As `Name`, with what lies there set aside first.
    Replace { place: Place, from: From, why: String },
    /// Read a file that the pool did not put there, then judge again.
    Examine { place: Place },
    /// Write down what lies in the cache without being remembered, then judge again.
    Adopt,
    /// Compare these bytes with the digest before anybody is given them, then judge again.
    Verify { from: From },
    /// Remember since when nobody needs it.
    NoteUnused,
    /// Somebody needs it again.
    NoteUsed,
    /// Remove the name.
    Remove { place: Place, why: String },
    /// Nothing is left of it: forget it.
    Forget,
    /// Do nothing, and say why.
    Leave { why: String },
    /// Something is wrong that cannot be put right from here.
    Wrong { why: String },
}

/// The rules that hold for all bases of a pool.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    /// Images in another format than raw are converted once.
    pub(crate) force_raw: bool,
    /// Whether anything may be removed at all: leases are known, and the operator lets unused bases go.
    pub(crate) may_remove: bool,
    /// Seconds that a base has to be unused before it leaves a `_base` folder.
    pub(crate) minimum_age: u64,
    /// The store vouches for its bytes.
    pub(crate) trusted_store: bool,
}

/// All that is known of one base.
#[derive(Clone, Debug)]
pub(crate) struct View<'a> {
    pub(crate) image: Option<&'a CatalogImage>,
    pub(crate) source: Option<Seen>,
    pub(crate) cached: Option<Seen>,
    /// By `_base` folder.
    pub(crate) bases: Vec<Option<Seen>>,
    /// The names of these folders, as `Entry::strange` has them.
    pub(crate) base_folders: &'a [String],
    pub(crate) entry: Option<&'a Entry>,
    pub(crate) leases: &'a [BaseLease],
    /// For how long it has been seen unused.
    pub(crate) unused_seconds: Option<u64>,
    /// It was marked as unneeded before the leases were read.
    pub(crate) marked_before: bool,
    pub(crate) rules: Rules,
}

/// Decides. The acts are to be done in order; `Examine` and `Verify` stand alone.
pub(crate) fn judge(view: &View<'_>) -> Vec<Act> {
    match view.image.map(|image| (image, image.state)) {
        Some((image, CatalogState::Active)) => view.wanted(image),
        Some((_, CatalogState::Deactivated)) => view.kept("the image is deactivated"),
        Some((_, CatalogState::Unfinished)) => view.unfinished(),
        None | Some((_, CatalogState::Going)) => view.gone(),
    }
}

impl View<'_> {
    pub(super) fn held(&self) -> bool {
        !self.leases.is_empty()
    }

    pub(super) fn note_used(&self) -> Option<Act> {
        let noted = |entry: &&Entry| entry.marked > 0 || !entry.unused.is_empty();
        self.entry.filter(noted).map(|_| Act::NoteUsed)
    }

    /// An active image: every name is to be there.
    pub(super) fn wanted(&self, image: &CatalogImage) -> Vec<Act> {
        if let Some(why) = no_base(image.format) {
            return vec![Act::Leave { why }];
        }
        let mut acts: Vec<Act> = self.note_used().into_iter().collect();
        match self.cache(image) {
            Ok(more) => {
                let alone = more.iter().any(is_alone);
                acts.extend(more);
                if alone {
                    return acts;
                }
            }
            Err(act) => {
                acts.push(act);
                return acts;
            }
        }
        let cache = made_of(&acts);
        acts.extend(self.in_bases(cache));
        acts
    }

    /// What the cache needs to have the image's bytes.
    pub(super) fn cache(&self, image: &CatalogImage) -> Result<Vec<Act>, Act> {
        let own_inode = self.entry.is_some_and(|entry| entry.how != How::Link);
        let Some(cached) = self.cached else {
            return Ok(vec![self.fill(image, "the image is active", false)?]);
        };
        if self.entry.is_none() {
            return Ok(vec![Act::Adopt]);
        }
        if self.entry.and_then(|entry| entry.damaged) == Some(cached.stamp) {
            return Ok(vec![self.fill(
                image,
                "its bytes are not those that were taken in",
                true,
            )?]);
        }
        let is_source = self.source.is_some_and(|source| source.stamp.same_file(&cached.stamp));
        if is_source && !self.rules.converts(image) {
            return self.source_is_whole(image).map(|()| Vec::new());
        }
        if own_inode && self.entry.is_some_and(|entry| entry.good == Some(cached.stamp)) {
            return Ok(Vec::new());
        }
        // The file went from the store, though the catalogue has it: what the pool has may be all that is left.
        if self.source.is_none() {
            return Ok(vec![Act::Leave {
                why: "the image's file is missing in the store; the pool keeps its bytes"
                    .to_owned(),
            }]);
        }
        if let Some(entry) = self.entry.filter(|entry| entry.format != self.rules.format_of(image))
            && self.held()
        {
            return Ok(vec![Act::Leave {
                why: format!(
                    "disks lie on it as {}: it stays so until the last of them is gone",
                    entry.format
                ),
            }]);
        }
        match self.entry {
            // Of an inode of our own only reading can tell.
            Some(entry) if entry.how != How::Link && self.unknown(cached.stamp, "cache") => {
                Ok(vec![Act::Examine { place: Place::Cache }])
            }
            Some(entry) if entry.how != How::Link && self.is_same("cache") => Ok(Vec::new()),
            _ => Ok(vec![self.fill(image, "another file lay in its place", true)?]),
        }
    }

    /// The act that makes the cache's name, from the store or from whoever has the bytes.
    pub(super) fn fill(&self, image: &CatalogImage, why: &str, replaces: bool) -> Result<Act, Act> {
        let heals = self.entry.is_some() && self.held();
        let from = match self.source {
            Some(_) => {
                self.source_is_whole(image)?;
                if heals && !self.trusts(From::Store) {
                    return Ok(Act::Verify { from: From::Store });
                }
                From::Store
            }
            None if self.entry.is_none() => {
                return Err(Act::Wrong { why: "the image's file is not in the store".to_owned() });
            }
            None => self.other_copy(Place::Cache)?,
        };
        Ok(match replaces {
            true => Act::Replace { place: Place::Cache, from, why: why.to_owned() },
            false => Act::Name { place: Place::Cache, from, heals, why: why.to_owned() },
        })
    }

    /// Whether the image's file in the store can be what the catalogue says.
    pub(super) fn source_is_whole(&self, image: &CatalogImage) -> Result<(), Act> {
        let wrong = |why: String| Err(Act::Wrong { why });
        let Some(source) = self.source else {
            return wrong("the image's file is not in the store".to_owned());
        };
        if !source.regular {
            return wrong(
                "what lies in the store under the image's id is not a plain file".to_owned(),
            );
        }
        if let Some(size) = image.size
            && size.0 != source.stamp.size
        {
            return wrong(format!(
                "the image's file has {} bytes and the catalogue says {}: it is not linked until they agree",
                source.stamp.size, size.0
            ));
        }
        let digest = image.digest.as_ref();
        let entry =
            self.entry.filter(|entry| entry.how == How::Link && entry.digest.as_ref() == digest);
        if entry.and_then(|entry| entry.damaged) == Some(source.stamp) {
            return wrong(
                "the image's own file is damaged: its bytes are not those that were taken in; upload the image again"
                    .to_owned(),
            );
        }
        Ok(())
    }

    /// A name whose bytes are, or can be shown to be, the base's: for a name that was lost.
    pub(super) fn other_copy(&self, lost: Place) -> Result<From, Act> {
        let bases =
            self.bases.iter().enumerate().map(|(number, seen)| (Place::Base(number), *seen));
        let names = std::iter::once((Place::Cache, self.cached)).chain(bases);
        let mut doubtful = None;
        for (place, seen) in names {
            let Some(seen) = seen.filter(|seen| seen.regular && place != lost) else {
                continue;
            };
            let from = From::Name(place);
            if self.trusts(from) {
                return Ok(from);
            }
            let damaged = self.entry.and_then(|entry| entry.damaged) == Some(seen.stamp);
            let other = self
                .strange_at(place)
                .is_some_and(|strange| strange.stamp == seen.stamp && strange.same == Some(false));
            if !damaged && !other && self.entry.is_some_and(|entry| entry.digest.is_some()) {
                doubtful.get_or_insert(from);
            }
        }
        match doubtful {
            Some(from) => Err(Act::Verify { from }),
            None => Err(Act::Wrong {
                why: "it is lost, and no copy with the recorded digest is left anywhere".to_owned(),
            }),
        }
    }

    /// Whether bytes may be given to disks that need them: known by their digest, as they lie there.
    pub(super) fn trusts(&self, from: From) -> bool {
        let seen = match from {
            From::Store => self.source,
            From::Name(Place::Cache) => self.cached,
            From::Name(Place::Base(number)) => self.bases.get(number).copied().flatten(),
        };
        let Some(seen) = seen else {
            return false;
        };
        let sealed = self.rules.trusted_store
            && self
                .entry
                .is_none_or(|entry| entry.how == How::Link && entry.damaged != Some(seen.stamp))
            && self.source.is_some_and(|source| source.stamp.same_file(&seen.stamp));
        sealed || self.entry.is_some_and(|entry| entry.good == Some(seen.stamp))
    }

    pub(super) fn strange_at(&self, place: Place) -> Option<&Strange> {
        let folder = match place {
            Place::Cache => "cache",
            Place::Base(number) => self.base_folders.get(number)?.as_str(),
        };
        self.entry?.strange.get(folder)
    }

    /// Whether the file that lies there now has not been read yet.
    pub(super) fn unknown(&self, stamp: Stamp, folder: &str) -> bool {
        self.entry
            .and_then(|entry| entry.strange.get(folder))
            .is_none_or(|strange| strange.stamp != stamp)
    }

    pub(super) fn is_same(&self, folder: &str) -> bool {
        self.entry
            .and_then(|entry| entry.strange.get(folder))
            .is_some_and(|strange| strange.same == Some(true))
    }
}

impl Rules {
    pub(crate) fn converts(&self, image: &CatalogImage) -> bool {
        self.force_raw && image.format == Some(DiskFormat::Qcow2)
    }

    /// The format that the image's base has.
    pub(crate) fn format_of(&self, image: &CatalogImage) -> ImageFormat {
        match image.format {
            Some(DiskFormat::Qcow2) if !self.force_raw => ImageFormat::Qcow2,
            _ => ImageFormat::Raw,
        }
    }
}

/// Why images of a format have no base. A format that needs another program to be understood could name files of the host.
fn no_base(format: Option<DiskFormat>) -> Option<String> {
    match format {
        Some(
            DiskFormat::Raw
            | DiskFormat::Qcow2
            | DiskFormat::Iso
            | DiskFormat::Ami
            | DiskFormat::Ari
            | DiskFormat::Aki,
        ) => None,
        Some(
            other @ (DiskFormat::Vhd
            | DiskFormat::Vhdx
            | DiskFormat::Vmdk
            | DiskFormat::Vdi
            | DiskFormat::Ploop
            | DiskFormat::Luks),
        ) => Some(format!(
            "an image in format {other} cannot be a base as it is: import it as raw or qcow2"
        )),
        None => Some("the catalogue does not say in which format the image is".to_owned()),
    }
}

/// What becomes of the cache's name by the acts before.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum CacheIs {
    Kept,
    Made,
    Replaced,
}

pub(super) fn made_of(acts: &[Act]) -> CacheIs {
    let cache = |place: &Place| *place == Place::Cache;
    if acts.iter().any(|act| matches!(act, Act::Replace { place, .. } if cache(place))) {
        CacheIs::Replaced
    } else if acts.iter().any(|act| matches!(act, Act::Name { place, .. } if cache(place))) {
        CacheIs::Made
    } else {
        CacheIs::Kept
    }
}

/// Whether nothing else may be done before the view has been looked at again.
pub(crate) const fn is_alone(act: &Act) -> bool {
    matches!(act, Act::Examine { .. } | Act::Verify { .. } | Act::Adopt)
}
