//! One pass, and one look at one image: what is asked of the sockets, and in which order.

use super::resets::Resets;
use hatchery_model::base::{BaseName, Deed, Did, LeaseBook, LeaseHolder, ServerReset};
use hatchery_model::id::ImageId;
use hatchery_model::image::{CatalogImage, CatalogState};
use hatchery_model::units::Bytes;
use hatchery_ports::base_leases::BaseLeases;
use hatchery_ports::base_pool::{BasePool, Pass};
use hatchery_ports::image_catalog::ImageCatalog;
use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Mutex, Notify, Semaphore};

/// Questions about single images that are under way at once.
const QUESTIONS: usize = 8;
/// The first and the longest wait before an unfinished image is looked at again, and how often it is.
const WAITS: (Duration, Duration, u32) = (Duration::from_millis(25), Duration::from_secs(1), 40);

/// Disks that are named where many hold a base.
const NAMED: usize = 3;

/// What keeps a pool, and what it is kept by.
pub struct Parts {
    /// Which images there are.
    pub catalog: Arc<dyn ImageCatalog>,
    /// Who uses which base. `None`: nobody can know, so nothing is removed.
    pub leases: Option<Arc<dyn BaseLeases>>,
    /// The pool.
    pub pool: Arc<dyn BasePool>,
    /// Puts servers right whose base was away, if the operator wants that.
    pub resets: Option<Resets>,
    /// Change nothing.
    pub dry_run: bool,
    /// Images that were linked since the pass under way began to list them: its list may not have them as active yet. Held while the pool is
    /// changed, so that no pass takes a name away that a hint has just made.
    fresh: Mutex<BTreeMap<ImageId, CatalogImage>>,
    questions: Semaphore,
}

/// What came of a pass.
#[derive(Default)]
pub struct Outcome {
    /// What was done, or left alone.
    pub deeds: Vec<Deed>,
    /// Bases looked at.
    pub looked_at: usize,
    /// Why not all of it could be judged: sentences for people.
    pub trouble: Vec<String>,
    /// The leases, where they were read.
    pub leases: Option<LeaseBook>,
    /// Servers whose base is back and that nobody has helped yet.
    pub resets: Vec<ServerReset>,
}

/// What came of a look at one image.
pub enum Look {
    /// It is active, and this was done.
    Linked(Vec<Deed>),
    /// It is gone, or closed to users, or had a base before that is lost: a pass is due.
    PassDue,
    /// It stays unfinished, or nobody answers: the next pass will see.
    GivenUp,
    /// The pool cannot be changed.
    Failed(String),
}

impl Parts {
    /// Nothing was linked yet.
    pub fn new(
        catalog: Arc<dyn ImageCatalog>,
        leases: Option<Arc<dyn BaseLeases>>,
        pool: Arc<dyn BasePool>,
        resets: Option<Resets>,
        dry_run: bool,
    ) -> Self {
        let (fresh, questions) = (Mutex::default(), Semaphore::new(QUESTIONS));
        Self { catalog, leases, pool, resets, dry_run, fresh, questions }
    }

    /// Looks at everything. Images are listed before leases are read: whoever has made a disk on an image that the list still had is among
    /// the leases then.
    ///
    /// A second look follows where the first has found something that may go by leases which are read after it.
    pub async fn pass(&self) -> Outcome {
        let (mut outcome, pending) = self.look_at_all().await;
        if pending && !self.dry_run {
            let (more, _) = self.look_at_all().await;
            outcome.deeds.extend(more.deeds);
            (outcome.trouble, outcome.leases) = (more.trouble, more.leases);
            // A second look that failed knows of nobody.
            if !more.resets.is_empty() {
                outcome.resets = more.resets;
            }
        }
        outcome
    }

    /// Helps the servers whose base is back, if the operator wants that. Says what could not be done.
    pub async fn reset(&self, waited: &[ServerReset]) -> Vec<String> {
        match &self.resets {
            Some(resets) if !self.dry_run => resets.after(waited, self.pool.as_ref()).await,
            Some(_) | None => Vec::new(),
        }
    }

    async fn look_at_all(&self) -> (Outcome, bool) {
        let mut outcome = Outcome::default();
        let begun = match self.pool.begin().await {
            Ok(begun) => begun,
            Err(error) => {
                outcome.trouble.push(chain(&error));
                return (outcome, false);
            }
        };
        self.fresh.lock().await.clear();
        let images = match self.catalog.list().await {
            Ok(images) => images,
            Err(error) => {
                outcome.trouble.push(format!("{}; nothing is changed", chain(&error)));
                return (outcome, false);
            }
        };
        if let Some(leases) = &self.leases {
            match leases.list().await {
                Ok(leases) => outcome.leases = Some(leases),
                Err(error) => outcome.trouble.push(chain(&error)),
            }
        }
        let fresh = self.fresh.lock().await;
        let mut images: BTreeMap<ImageId, CatalogImage> =
            images.into_iter().map(|image| (image.id, image)).collect();
        images.extend(fresh.iter().map(|(id, image)| (*id, image.clone())));
        if let Some(leases) = &outcome.leases {
            outcome.deeds = kept_for_disks(&images, leases);
        }
        let images = images.into_values().collect();
        let leases = outcome.leases.clone();
        let pass = Pass { begun, images, leases, dry_run: self.dry_run };
        let mut pending = false;
        match self.pool.keep(&pass).await {
            Ok(report) => {
                outcome.looked_at = report.looked_at;
                pending = report.pending;
                outcome.resets = report.resets;
                outcome.deeds.extend(report.deeds);
            }
            Err(error) => outcome.trouble.push(chain(&error)),
        }
        drop(fresh);
        (outcome, pending)
    }

    /// Waits until an image that there is news of is active, for half a minute, and links it. `again` means that there is more news.
    pub async fn look(&self, id: ImageId, again: &Notify) -> Look {
        let (mut wait, longest, times) = WAITS;
        for _ in 0..times {
            let found = match self.questions.acquire().await {
                Ok(_turn) => self.catalog.find(id).await,
                Err(_) => return Look::GivenUp,
            };
            match found {
                Ok(Some(image)) => match image.state {
                    CatalogState::Active => return self.link(image).await,
                    CatalogState::Deactivated | CatalogState::Going => return Look::PassDue,
                    CatalogState::Unfinished => {}
                },
                Ok(None) => return Look::PassDue,
                Err(error) => tracing::debug!(image.id = %id, error = chain(&error), "not known"),
            }
            tokio::select! {
                () = tokio::time::sleep(wait) => wait = (wait * 2).min(longest),
                () = again.notified() => wait = WAITS.0,
            }
        }
        Look::GivenUp
    }

    async fn link(&self, image: CatalogImage) -> Look {
        let mut fresh = self.fresh.lock().await;
        fresh.insert(image.id, image.clone());
        match self.pool.link(&image).await {
            Ok(report) if report.pending => Look::PassDue,
            Ok(report) => Look::Linked(report.deeds),
            Err(error) => Look::Failed(chain(&error)),
        }
    }

    /// Compares the base that was not for the longest time with its digest. Gives its length, for the rate, with what was found.
    pub async fn scrub(&self, leases: &LeaseBook) -> Result<Option<(Bytes, Vec<Deed>)>, String> {
        let bases = self.pool.list(leases).await.map_err(|error| chain(&error))?;
        let known = bases.into_iter().filter(|base| base.digest.is_some() && base.size.0 > 0);
        let Some(oldest) = known.min_by_key(|base| base.verified_at) else {
            return Ok(None);
        };
        let only: Option<&BaseName> = Some(&oldest.base);
        let report = self.pool.scrub(oldest.size, only, leases).await;
        let report = report.map_err(|error| chain(&error))?;
        Ok(Some((oldest.size, report.deeds)))
    }
}

/// The bases of deleted images that stay since disks lie on them, with the disks.
fn kept_for_disks(images: &BTreeMap<ImageId, CatalogImage>, leases: &LeaseBook) -> Vec<Deed> {
    let there: BTreeSet<BaseName> = images.keys().map(|id| BaseName::of(*id)).collect();
    let held: BTreeSet<&BaseName> = leases.iter().map(|lease| &lease.base).collect();
    let gone = held.into_iter().filter(|base| !there.contains(base));
    gone.map(|base| {
        let holders: Vec<&str> = leases.of(base).iter().map(|lease| name(&lease.holder)).collect();
        let more = holders.len().saturating_sub(NAMED);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let named = holders.iter().take(NAMED).copied().collect::<Vec<_>>().join(", ");
        let why = format!("its image is gone, and it is kept for {named}{more}");
        Deed { base: base.clone(), image: None, did: Did::LeftAlone, why, servers: Vec::new() }
    })
    .collect()
}

fn name(holder: &LeaseHolder) -> &str {
    match holder {
        LeaseHolder::Disk { disk, .. } => disk,
        LeaseHolder::Pin { by, .. } => by,
    }
}

/// An error with its causes, in one line.
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
