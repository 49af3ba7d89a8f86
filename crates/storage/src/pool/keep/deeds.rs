//! What a pass does: names given, put right and taken away.

use super::judge::{Act, From, Place};
use super::ledger::{Entry, How, Strange};
use super::make::{self, Made};
use super::round::Round;
use super::seen::Seen;
use super::steps::Op;
use crate::durable::{make_folder, remove, sync_folder};
use hatchery_model::base::{BaseName, Did};
use hatchery_model::image::{CatalogImage, DiskFormat, ImageFormat};
use hatchery_model::units::Bytes;
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

impl Round<'_> {
    pub(super) fn act(&mut self, base: &BaseName, acts: Vec<Act>) {
        for act in acts {
            match self.one(base, act) {
                Ok(true) => {}
                // There is no room for it in the cache, so nothing that its other names could be made of.
                Ok(false) => return,
                Err(error) => return self.failed(base, &error),
            }
        }
    }

    /// `false`: what comes after it cannot be done either, and why was said.
    fn one(&mut self, base: &BaseName, act: Act) -> io::Result<bool> {
        self.note_waiting(base, &act)?;
        match act {
            Act::Name { place, from, heals, why } => {
                if !self.made(base, place, from)? {
                    return Ok(false);
                }
                let (did, servers) = match heals {
                    true => (Did::Healed, self.servers(base)),
                    false => (Did::Linked, Vec::new()),
                };
                self.deed(base, did, why, servers);
            }
            Act::Replace { place, from, why } => {
                let aside = self.set_aside(base, place)?;
                self.deed(
                    base,
                    Did::Quarantined,
                    format!("{why}; kept as {}", aside.display()),
                    Vec::new(),
                );
                self.made(base, place, from)?;
                let servers = self.servers(base);
                self.deed(base, Did::Healed, why, servers);
            }
            Act::NoteUnused => {
                let (boot, seconds) = (self.uptime.boot.clone(), self.uptime.seconds);
                if !self.marked {
                    self.ledger.marks += 1;
                    self.marked = true;
                }
                let mark = self.ledger.marks;
                if let Some(entry) = self.ledger.entries.get_mut(base) {
                    entry.unused.entry(boot).or_insert(seconds);
                    entry.marked = mark;
                }
            }
            Act::NoteUsed => {
                if let Some(entry) = self.ledger.entries.get_mut(base) {
                    entry.unused.clear();
                    entry.marked = 0;
                }
            }
            Act::Remove { place, why } => {
                self.removed(base, place)?;
                self.deed(base, Did::Removed, why, Vec::new());
            }
            Act::Forget => {
                self.ledger.entries.remove(base);
            }
            Act::Leave { why } => self.deed(base, Did::LeftAlone, why, Vec::new()),
            Act::Wrong { why } => {
                let servers = self.servers(base);
                self.deed(base, Did::Failed, why, servers);
            }
            Act::Examine { .. } | Act::Verify { .. } | Act::Adopt => {}
        }
        Ok(true)
    }

    /// Gives the base a name. `false`: there is no room for it, which was said.
    fn made(&mut self, base: &BaseName, place: Place, from: From) -> io::Result<bool> {
        let (source, target) = (self.origin(base, from), self.path(base, place));
        if self.dry_run {
            return Ok(true);
        }
        let image = self.images.get(base).cloned();
        if place == Place::Cache && from == From::Store {
            let Some(image) = image else {
                return Ok(false);
            };
            return self.fill_cache(base, &image, &source, &target);
        }
        let made = make::name(&source, &target, self.settings, self.steps)?;
        self.touched_by(&target);
        let seen = Seen::at(&target)?;
        self.see(base, place, seen);
        if let (Some(seen), Some(entry)) = (seen, self.ledger.entries.get_mut(base)) {
            match (place, made) {
                (Place::Cache, _) => (entry.good, entry.damaged) = (Some(seen.stamp), None),
                (Place::Base(_), Made::Linked) => {}
                // Its own inode, and known to have the bytes.
                (Place::Base(number), Made::Reflinked | Made::Copied) => {
                    let folder = self.world.base_names[number].clone();
                    let strange =
                        Strange { stamp: seen.stamp, looks: entry.format, same: Some(true) };
                    entry.strange.insert(folder, strange);
                }
            }
        }
        Ok(true)
    }

    /// Gives the cache its name of an image's file, or its raw form.
    fn fill_cache(
        &mut self,
        base: &BaseName,
        image: &CatalogImage,
        source: &Path,
        target: &Path,
    ) -> io::Result<bool> {
        let declared = image.format.unwrap_or(DiskFormat::Raw);
        let inspection = make::inspect(source, declared)?;
        let converts = self.rules().converts(image);
        let own_bytes = if converts { inspection.virtual_bytes } else { self.own_bytes(source)? };
        if let Err(why) = self.room(base, own_bytes)? {
            self.deed(base, Did::LeftAlone, why, Vec::new());
            return Ok(false);
        }
        let (how, digest) = if converts {
            let digest = make::raw_form(source, target, self.settings, self.steps)?;
            (How::Raw, Some(digest))
        } else {
            let how = match make::name(source, target, self.settings, self.steps)? {
                Made::Linked => How::Link,
                Made::Reflinked => How::Reflink,
                Made::Copied => How::Copy,
            };
            (how, image.digest.clone())
        };
        self.touched_by(target);
        let Some(seen) = Seen::at(target)? else {
            return Err(io::Error::other("its name was taken away at once"));
        };
        self.see(base, Place::Cache, Some(seen));
        let before = self.ledger.entries.get(base);
        let known = before.filter(|entry| entry.digest == digest);
        let verified = known.is_some_and(|entry| entry.good == Some(seen.stamp));
        let good = self.settings.trusted_store || how == How::Raw || verified;
        let format = if converts { ImageFormat::Raw } else { inspection.format };
        let entry = Entry {
            image: Some(image.id),
            how,
            format,
            size: Bytes(seen.stamp.size),
            virtual_size: inspection.virtual_bytes,
            digest,
            inspector_version: inspection.inspector_version,
            since: known.map_or(self.now, |entry| entry.since),
            good: good.then_some(seen.stamp),
            damaged: None,
            verified_at: known.and_then(|entry| entry.verified_at).filter(|_| verified),
            unused: BTreeMap::new(),
            marked: 0,
            strange: before.map(|entry| entry.strange.clone()).unwrap_or_default(),
            servers: before.map(|entry| entry.servers.clone()).unwrap_or_default(),
        };
        self.ledger.entries.insert(base.clone(), entry);
        if matches!(how, How::Reflink | How::Copy) && !good {
            self.verify(base, From::Name(Place::Cache))?;
        }
        Ok(true)
    }

    /// Bytes that a name would take of its own, if no link can be made.
    fn own_bytes(&self, source: &Path) -> io::Result<Bytes> {
        let seen = Seen::at(source)?;
        let away = seen.filter(|seen| seen.stamp.dev != self.world.cache.id.dev());
        Ok(away.map_or(Bytes(0), |seen| seen.allocated))
    }

    /// Gives what lies in a base's place another name, so that nothing of it is lost when its own goes.
    fn set_aside(&mut self, base: &BaseName, place: Place) -> io::Result<PathBuf> {
        let path = self.path(base, place);
        let folder = path.parent().unwrap_or(Path::new("/")).join(".quarantine");
        let ino = Seen::at(&path)?.map_or(0, |seen| seen.stamp.ino);
        let aside = folder.join(format!("{base}.{ino:x}"));
        if self.dry_run {
            return Ok(aside);
        }
        self.steps.before(Op::MakeFolder(&folder))?;
        make_folder(&folder, 0o700)?;
        self.steps.before(Op::Link(&path, &aside))?;
        match fs::hard_link(&path, &aside) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            done => done?,
        }
        sync_folder(&folder)?;
        Ok(aside)
    }

    pub(super) fn removed(&mut self, base: &BaseName, place: Place) -> io::Result<()> {
        if self.dry_run {
            return Ok(());
        }
        let path = self.path(base, place);
        let judged = self.view_of(base, place).map(|seen| seen.stamp);
        // Only what was judged goes: something else may lie there by now.
        if Seen::at(&path)?.map(|seen| seen.stamp) == judged {
            self.steps.before(Op::Remove(&path))?;
            remove(&path)?;
        }
        for left in make::beside(&path) {
            remove(&left)?;
        }
        self.touched_by(&path);
        self.see(base, place, None);
        Ok(())
    }

    fn view_of(&self, base: &BaseName, place: Place) -> Option<Seen> {
        match place {
            Place::Cache => self.world.cache.files.get(base).copied(),
            Place::Base(number) => self.world.bases[number].files.get(base).copied(),
        }
    }

    fn touched_by(&mut self, path: &Path) {
        self.touched.insert(path.parent().unwrap_or(Path::new("/")).to_owned());
    }

    /// Every place in which the base has a name.
    pub(super) fn places_of(&self, base: &BaseName) -> Vec<Place> {
        let bases = (0..self.world.bases.len()).map(Place::Base);
        let all = bases.chain([Place::Cache]);
        all.filter(|place| self.view_of(base, *place).is_some()).collect()
    }
}
