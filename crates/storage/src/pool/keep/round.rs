//! One pass over the bases: each is judged, and what was decided is done. What fails for one base is said, and the next is gone on with.

use super::age::Uptime;
use super::judge::{Act, From, Place, Rules, View, is_alone, judge};
use super::ledger::Ledger;
use super::seen::Seen;
use super::settings::PoolSettings;
use super::steps::Steps;
use super::world::World;
use hatchery_model::base::{BaseLease, BaseName, Deed, Did, LeaseBook, LeaseHolder};
use hatchery_model::id::ServerId;
use hatchery_model::image::CatalogImage;
use hatchery_model::timestamp::Timestamp;
use hatchery_ports::base_pool::Mark;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::PathBuf;

/// A base is judged again at most so often in one pass: each time something new was learnt.
const LOOKS: usize = 12;

/// See the head of this file.
pub(super) struct Round<'a> {
    pub(super) settings: &'a PoolSettings,
    pub(super) steps: &'a Steps,
    pub(super) uptime: Uptime,
    pub(super) now: Timestamp,
    pub(super) world: &'a mut World,
    pub(super) ledger: &'a mut Ledger,
    pub(super) images: BTreeMap<BaseName, CatalogImage>,
    pub(super) leases: Option<&'a LeaseBook>,
    pub(super) dry_run: bool,
    pub(super) begun: Mark,
    /// Something was marked in this pass.
    pub(super) marked: bool,
    pub(super) deeds: Vec<Deed>,
    /// Folders in which names have changed.
    pub(super) touched: BTreeSet<PathBuf>,
}

impl Round<'_> {
    /// Every base that anybody knows of.
    pub(super) fn names(&self) -> BTreeSet<BaseName> {
        let known = self.images.keys().chain(self.world.cache.files.keys());
        known.chain(self.ledger.entries.keys()).cloned().collect()
    }

    /// Judges one base, and does what was decided.
    pub(super) fn keep(&mut self, base: &BaseName) {
        for _ in 0..LOOKS {
            let acts = judge(&self.view(base));
            let alone = acts.iter().find(|act| is_alone(act)).cloned();
            let Some(learn) = alone else {
                let marks = self.dry_run && acts == [Act::NoteUnused];
                self.act(base, acts);
                if marks {
                    continue;
                }
                return;
            };
            if let Err(error) = self.learn(base, &learn) {
                return self.failed(base, &error);
            }
        }
        let why = "it changes faster than it can be looked at".to_owned();
        self.deed(base, Did::LeftAlone, why, Vec::new());
    }

    fn leases_of(&self, base: &BaseName) -> &[BaseLease] {
        self.leases.map_or(&[], |leases| leases.of(base))
    }

    pub(super) fn view(&self, base: &BaseName) -> View<'_> {
        let image = self.images.get(base);
        let entry = self.ledger.entries.get(base);
        let source = match image {
            Some(image) => self.world.source(image).1,
            // The store is asked even where the catalogue is silent.
            None => entry
                .and_then(|entry| entry.image)
                .and_then(|id| self.world.images.files.get(&id).copied()),
        };
        View {
            image,
            source,
            cached: self.world.cache.files.get(base).copied(),
            bases: self.world.bases.iter().map(|one| one.files.get(base).copied()).collect(),
            base_folders: &self.world.base_names,
            entry,
            leases: self.leases_of(base),
            // A dry run says at once what two passes would do.
            marked_before: entry.is_some_and(|entry| {
                entry.marked > 0 && (self.dry_run || entry.marked <= self.begun.0)
            }),
            unused_seconds: entry.and_then(|entry| self.uptime.since(&entry.unused)),
            rules: self.rules(),
        }
    }

    pub(super) fn rules(&self) -> Rules {
        Rules {
            force_raw: self.settings.force_raw,
            may_remove: self.settings.remove_unused && self.leases.is_some(),
            minimum_age: self.settings.minimum_age.as_secs(),
            trusted_store: self.settings.trusted_store,
        }
    }

    pub(super) fn path(&self, base: &BaseName, place: Place) -> PathBuf {
        let folder = match place {
            Place::Cache => &self.world.cache.path,
            Place::Base(number) => &self.world.bases[number].path,
        };
        folder.join(base.as_str())
    }

    pub(super) fn origin(&self, base: &BaseName, from: From) -> PathBuf {
        match (from, self.images.get(base)) {
            (From::Name(place), _) => self.path(base, place),
            (From::Store, Some(image)) => self.world.source(image).0,
            // Only an image that is known has a file in the store.
            (From::Store, None) => self.path(base, Place::Cache),
        }
    }

    pub(super) fn see(&mut self, base: &BaseName, place: Place, seen: Option<Seen>) {
        let files = match place {
            Place::Cache => &mut self.world.cache.files,
            Place::Base(number) => &mut self.world.bases[number].files,
        };
        match seen {
            Some(seen) => files.insert(base.clone(), seen),
            None => files.remove(base),
        };
    }

    /// Servers whose disks lie on the base.
    pub(super) fn servers(&self, base: &BaseName) -> Vec<ServerId> {
        let servers = self.leases_of(base).iter().filter_map(|lease| match &lease.holder {
            LeaseHolder::Disk { server, .. } => *server,
            LeaseHolder::Pin { .. } => None,
        });
        servers.collect::<BTreeSet<_>>().into_iter().collect()
    }

    pub(super) fn deed(&mut self, base: &BaseName, did: Did, why: String, servers: Vec<ServerId>) {
        let image = self.images.get(base).map(|image| image.id);
        let image = image.or_else(|| self.ledger.entries.get(base).and_then(|entry| entry.image));
        self.deeds.push(Deed { base: base.clone(), image, did, why, servers });
    }

    pub(super) fn failed(&mut self, base: &BaseName, error: &io::Error) {
        self.deed(base, Did::Failed, super::error::sentence(error), Vec::new());
    }
}
