//! The keeping of a pool: links of images where hosts look for bases, made as soon as an image is active, put right when they are lost or
//! changed, removed when nobody can need them any more.
//!
//! `judge` decides about one base, and is pure; `round` does what was decided; `ledger` remembers; `world` is what lies in the folders. Not
//! here: which images there are (`ports::image_catalog`), who uses them (`ports::base_leases`), when to look (whoever calls).

mod age;
mod bounds;
mod deeds;
mod error;
mod judge;
mod learn;
mod ledger;
mod make;
mod round;
mod scrub;
mod seen;
mod settings;
mod status;
mod steps;
mod waiting;
mod world;

pub use settings::{OtherFilesystem, PoolSettings};
pub use steps::{Op, Steps};

use crate::durable::{make_folder, make_folder_of_parents_owner, remove, sync_folder};
use age::Uptime;
use async_trait::async_trait;
use error::pool_error;
use hatchery_model::base::{BaseName, BaseStatus, Deed, LeaseBook, ResetStep, ServerReset};
use hatchery_model::image::{CatalogImage, ContentDigest, DigestAlgorithm, DiskFormat};
use hatchery_model::units::Bytes;
use hatchery_ports::base_pool::{BasePool, Mark, Pass, PassReport, PoolError};
use hatchery_ports::clock::Clock;
use ledger::Ledger;
use round::Round;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::task::spawn_blocking;
use world::World;

/// See the head of this file. Cheap to clone.
#[derive(Clone)]
pub struct FilePool(Arc<Inner>);

struct Inner {
    settings: PoolSettings,
    clock: Arc<dyn Clock>,
    steps: Steps,
    /// Seconds that are added to the host's uptime: for tests of what takes a day.
    later: u64,
    /// One call at a time in this process. Inside: the ledger as it was last read or written, with its file's state then.
    turn: Mutex<Option<(seen::Stamp, Ledger)>>,
}

impl FilePool {
    /// Over these folders. Cache and `_base` folders are made where only they themselves are missing; a `_base` belongs to whom the folder
    /// that it is in belongs to. What an earlier process left half made is removed. Neither where the pool is only to be read.
    pub fn open(settings: PoolSettings, clock: Arc<dyn Clock>) -> Result<Self, PoolError> {
        Self::with_steps(settings, clock, Steps::default(), 0)
    }

    /// As `open`, with every change asked of `steps` first, and the host's uptime taken for `later` seconds longer than it is.
    pub fn with_steps(
        settings: PoolSettings,
        clock: Arc<dyn Clock>,
        steps: Steps,
        later: u64,
    ) -> Result<Self, PoolError> {
        for folder in std::iter::once(&settings.cache).chain(&settings.bases) {
            let above = folder.parent().unwrap_or(Path::new("/"));
            if !settings.read_only && !folder.exists() && above.is_dir() {
                // A host writes into its `_base` itself, whoever makes it.
                let made = match settings.bases.contains(folder) {
                    true => make_folder_of_parents_owner(folder),
                    false => make_folder(folder, 0o755),
                };
                made.map_err(|error| pool_error(&format!("make {}", folder.display()), error))?;
            }
        }
        let pool = Inner { settings, clock, steps, later, turn: Mutex::default() };
        if !pool.settings.read_only
            && let Some(_turn) = pool.try_turn()
        {
            pool.sweep_litter();
        }
        Ok(Self(Arc::new(pool)))
    }

    async fn run<T: Send + 'static>(
        &self,
        doing: &'static str,
        work: impl FnOnce(&Inner) -> Result<T, PoolError> + Send + 'static,
    ) -> Result<T, PoolError> {
        let inner = Arc::clone(&self.0);
        match spawn_blocking(move || work(&inner)).await {
            Ok(done) => done,
            Err(error) => Err(pool_error(doing, io::Error::other(error))),
        }
    }
}

/// What a call may do to what is remembered.
enum Memory {
    /// Write it down if it has changed.
    Keep,
    /// Leave it as it was.
    Drop,
}

impl Inner {
    /// Waits for every other process that keeps this pool. `None`: there is no lock, and none may be made, so that nobody can have begun to
    /// keep it.
    fn turn(&self) -> Result<Option<File>, PoolError> {
        let path = self.settings.cache.join(".hatchery-pool.lock");
        let locked = if self.settings.read_only {
            match File::open(&path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
                opened => opened.and_then(|file| file.lock_shared().map(|()| file)),
            }
        } else {
            let mut options = OpenOptions::new();
            let opened = options.create(true).truncate(false).write(true).open(&path);
            opened.and_then(|file| file.lock().map(|()| file))
        };
        locked.map(Some).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => PoolError::Suspect(format!(
                "there is no folder {}: nothing is changed. Make it, or mount what it is on",
                self.settings.cache.display()
            )),
            _ => pool_error(&format!("lock {}", path.display()), error),
        })
    }

    fn try_turn(&self) -> Option<File> {
        let path = self.settings.cache.join(".hatchery-pool.lock");
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(path).ok()?;
        file.try_lock().ok().map(|()| file)
    }

    /// Temporary names of processes that were cut off. Held by nobody, since this process has the turn.
    fn sweep_litter(&self) {
        for folder in std::iter::once(&self.settings.cache).chain(&self.settings.bases) {
            let Ok(entries) = fs::read_dir(folder) else { continue };
            for entry in entries.flatten() {
                let name = entry.file_name();
                let name = name.to_string_lossy();
                let base = name.strip_prefix(".link-").or_else(|| name.strip_prefix(".new-"));
                if base.and_then(BaseName::parse).is_some()
                    && let Err(error) = remove(&entry.path())
                {
                    tracing::warn!(path = %entry.path().display(), %error, "a half-made base is left");
                }
            }
        }
    }

    fn ledger(&self, remembered: &mut Option<(seen::Stamp, Ledger)>) -> Result<Ledger, PoolError> {
        let failed = |error| pool_error("read what the pool remembers", error);
        let path = &self.settings.state;
        let there = seen::Seen::at(path).map_err(failed)?.map(|seen| seen.stamp);
        if let (Some(there), Some((stamp, ledger))) = (there, remembered.as_ref())
            && there == *stamp
        {
            return Ok(ledger.clone());
        }
        Ledger::read(path).map_err(failed)
    }

    /// Runs `work` on a world that was looked at in this process's turn, then makes names and memory durable.
    fn round<T>(
        &self,
        pass: &Pass,
        scan: impl FnOnce(&PoolSettings) -> Result<World, PoolError>,
        memory: Memory,
        work: impl FnOnce(&mut Round<'_>) -> Result<T, PoolError>,
    ) -> Result<(T, PassReport), PoolError> {
        let mut remembered = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let _turn = self.turn()?;
        let before = self.ledger(&mut remembered)?;
        let mut ledger = before.clone();
        let mut world = scan(&self.settings)?;
        let dry_run = pass.dry_run || self.settings.read_only;
        let mut uptime =
            Uptime::now().map_err(|error| pool_error("tell how long this host is up", error))?;
        uptime.seconds = uptime.seconds.saturating_add(self.later);
        let mut round = Round {
            settings: &self.settings,
            steps: &self.steps,
            uptime,
            now: self.clock.now(),
            world: &mut world,
            ledger: &mut ledger,
            images: pass
                .images
                .iter()
                .map(|image| (BaseName::of(image.id), as_base(image)))
                .collect(),
            leases: pass.leases.as_ref(),
            dry_run,
            begun: pass.begun,
            marked: false,
            deeds: Vec::new(),
            touched: BTreeSet::new(),
        };
        let done = work(&mut round)?;
        let pending = round.marked && self.settings.minimum_age.is_zero();
        let resets = round.waited();
        let (deeds, touched) =
            (std::mem::take(&mut round.deeds), std::mem::take(&mut round.touched));
        for folder in touched {
            sync_folder(&folder)
                .map_err(|error| pool_error("make the new names durable", error))?;
        }
        match memory {
            Memory::Keep if !dry_run => {
                let changed = before != ledger;
                self.remember(&mut remembered, ledger, changed)?;
            }
            Memory::Keep | Memory::Drop => {}
        }
        Ok((done, PassReport { looked_at: 0, deeds, pending, resets }))
    }

    fn remember(
        &self,
        remembered: &mut Option<(seen::Stamp, Ledger)>,
        ledger: Ledger,
        changed: bool,
    ) -> Result<(), PoolError> {
        let failed = |error| pool_error("write down what the pool remembers", error);
        let path = &self.settings.state;
        if changed {
            ledger.write(path, &self.steps).map_err(failed)?;
        }
        *remembered = seen::Seen::at(path).map_err(failed)?.map(|seen| (seen.stamp, ledger));
        Ok(())
    }

    fn begin(&self) -> Result<Mark, PoolError> {
        let mut remembered = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let _turn = self.turn()?;
        let ledger = self.ledger(&mut remembered)?;
        Ok(Mark(ledger.marks))
    }

    fn keep(&self, pass: &Pass) -> Result<PassReport, PoolError> {
        let (looked_at, report) = self.round(pass, World::scan, Memory::Keep, |round| {
            round.world.doubt(&pass.images, round.ledger)?;
            round.note_all_waiting();
            let names = round.names();
            for base in &names {
                round.keep(base);
            }
            let entries: BTreeSet<BaseName> = round.ledger.entries.keys().cloned().collect();
            for base in entries.difference(&names) {
                tracing::debug!(%base, "a base was learnt of in the middle of a pass");
            }
            round.remember_folders();
            Ok(names.len())
        })?;
        Ok(PassReport { looked_at, ..report })
    }

    fn link(&self, image: &CatalogImage) -> Result<PassReport, PoolError> {
        let base = BaseName::of(image.id);
        let pass = Pass {
            begun: Mark::default(),
            images: vec![image.clone()],
            leases: None,
            dry_run: false,
        };
        // What is learnt here is learnt again by the next pass, at the cost of a look: the names are what is urgent.
        let scan = |settings: &PoolSettings| World::of_one(settings, image);
        let (pending, report) = self.round(&pass, scan, Memory::Drop, |round| {
            let pending = round.leaves_to_the_pass(&base);
            if !pending {
                round.keep(&base);
            }
            Ok(pending)
        })?;
        // Of all bases but one nothing was looked at: who waited for them is for the pass to say.
        Ok(PassReport { looked_at: 1, pending, resets: Vec::new(), ..report })
    }

    fn note_resets(&self, resets: &[ServerReset]) -> Result<(), PoolError> {
        let mut remembered = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let _turn = self.turn()?;
        let before = self.ledger(&mut remembered)?;
        let mut ledger = before.clone();
        for reset in resets {
            let Some(entry) = ledger.entries.get_mut(&reset.base) else {
                continue;
            };
            match &reset.step {
                ResetStep::Done => {
                    entry.servers.remove(&reset.server);
                }
                step @ (ResetStep::Due | ResetStep::Begun { .. }) => {
                    if let Some(known) = entry.servers.get_mut(&reset.server) {
                        known.clone_from(step);
                    }
                }
            }
        }
        if self.settings.read_only {
            return Ok(());
        }
        let changed = before != ledger;
        self.remember(&mut remembered, ledger, changed)
    }

    /// Bases by when they were last read, those first that were not for the longest time.
    fn longest_unread(&self) -> Result<Vec<Option<BaseName>>, PoolError> {
        let pass = Pass { begun: Mark::default(), images: Vec::new(), leases: None, dry_run: true };
        let (order, _) =
            self.round(&pass, World::scan, Memory::Drop, |round| Ok(round.longest_unread()))?;
        Ok(order.into_iter().map(Some).collect())
    }

    /// Reads one base. How many there were, how many bytes, and what came of it.
    fn scrub(
        &self,
        base: Option<&BaseName>,
        leases: &LeaseBook,
    ) -> Result<(usize, u64, Vec<Deed>), PoolError> {
        let Some(base) = base else {
            return Ok((0, 0, Vec::new()));
        };
        let leases = Some(leases.clone());
        let pass = Pass { begun: Mark::default(), images: Vec::new(), leases, dry_run: false };
        let (read, report) =
            self.round(&pass, World::scan, Memory::Keep, |round| Ok(round.scrub(base)))?;
        Ok((usize::from(read.is_some()), read.unwrap_or_default(), report.deeds))
    }

    fn list(&self, leases: &LeaseBook) -> Result<Vec<BaseStatus>, PoolError> {
        let pass = Pass {
            begun: Mark::default(),
            images: Vec::new(),
            leases: Some(leases.clone()),
            dry_run: true,
        };
        let (statuses, _) =
            self.round(&pass, World::scan, Memory::Drop, |round| Ok(round.statuses()))?;
        Ok(statuses)
    }
}

/// An image as its base will be: of one with a raw form, that one.
fn as_base(image: &CatalogImage) -> CatalogImage {
    match &image.raw {
        None => image.clone(),
        Some(raw) => CatalogImage {
            format: Some(DiskFormat::Raw),
            size: Some(raw.size),
            digest: Some(ContentDigest {
                algorithm: DigestAlgorithm::Sha512,
                hex: raw.sha512.clone(),
            }),
            ..image.clone()
        },
    }
}

#[async_trait]
impl BasePool for FilePool {
    async fn begin(&self) -> Result<Mark, PoolError> {
        self.run("look at the pool", Inner::begin).await
    }

    async fn link(&self, image: &CatalogImage) -> Result<PassReport, PoolError> {
        let image = image.clone();
        self.run("link an image", move |pool| pool.link(&image)).await
    }

    async fn keep(&self, pass: &Pass) -> Result<PassReport, PoolError> {
        let pass = pass.clone();
        self.run("look at the pool", move |pool| pool.keep(&pass)).await
    }

    async fn scrub(
        &self,
        budget: Bytes,
        only: Option<&BaseName>,
        leases: &LeaseBook,
    ) -> Result<PassReport, PoolError> {
        let mut order = vec![only.cloned()];
        if only.is_none() {
            order = self.run("list the bases", Inner::longest_unread).await?;
        }
        // One base a turn: whoever wants a link waits for one reading at the most.
        let (mut report, mut read) = (PassReport::default(), 0_u64);
        for base in order {
            if read >= budget.0 && only.is_none() {
                break;
            }
            let leases = leases.clone();
            let one =
                self.run("read a base", move |pool| pool.scrub(base.as_ref(), &leases)).await?;
            report.looked_at += one.0;
            read = read.saturating_add(one.1);
            report.deeds.extend(one.2);
        }
        Ok(report)
    }

    async fn note_resets(&self, resets: &[ServerReset]) -> Result<(), PoolError> {
        let resets = resets.to_vec();
        self.run("write down who was helped", move |pool| pool.note_resets(&resets)).await
    }

    async fn list(&self, leases: &LeaseBook) -> Result<Vec<BaseStatus>, PoolError> {
        let leases = leases.clone();
        self.run("list the bases", move |pool| pool.list(&leases)).await
    }
}

impl Round<'_> {
    /// Folders with files in them, or seen for the first time, are remembered as they are now.
    fn remember_folders(&mut self) {
        let empty: BTreeMap<String, bool> = self.world.emptiness();
        for (path, id) in self.world.folders() {
            let known = self.ledger.folders.contains_key(&path);
            if !known || empty.get(&path) == Some(&false) {
                self.ledger.folders.insert(path, id);
            }
        }
    }
}
