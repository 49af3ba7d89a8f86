//! Keeps a pool of bases: a full pass at an interval and at every hint that cannot be followed, a link at every hint of an image, a little
//! reading in between. It knows neither whose catalogue nor whose leases it goes by: ours, or those of an existing cloud.

use super::deeds;
use futures_util::stream::{BoxStream, SelectAll};
use futures_util::{FutureExt, StreamExt};
use hatchery_model::base::{Deed, Did};
use hatchery_model::id::ImageId;
use hatchery_model::image::CatalogState;
use hatchery_model::units::Bytes;
use hatchery_ports::base_leases::{BaseLeases, LeaseError};
use hatchery_ports::base_pool::{BasePool, Pass, PassReport, PoolError};
use hatchery_ports::image_catalog::{CatalogError, ImageCatalog, ImageHint, ImageNews};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// Between two looks at an image that was heard of and is not active yet, and for how long it is followed so. The pass goes on looking.
const FOLLOW: (Duration, Duration) = (Duration::from_millis(20), Duration::from_secs(5));

/// Least time between two full passes: what is heard meanwhile, our own links among it, is looked at together.
const GAP: Duration = Duration::from_secs(1);

/// What an operator can set.
#[derive(Clone, Copy, Debug)]
pub struct KeeperSettings {
    /// Between two full passes.
    pub interval: Duration,
    /// Bytes of bases that are read a second, on the average, to compare them with their digests. 0: none.
    pub scrub_bytes_per_second: u64,
    /// Say what would be done, and do nothing.
    pub dry_run: bool,
}

impl Default for KeeperSettings {
    fn default() -> Self {
        Self { interval: Duration::from_secs(10), scrub_bytes_per_second: 20 << 20, dry_run: false }
    }
}

/// Why a pass could not judge everything. Nothing was removed.
#[derive(Debug, thiserror::Error)]
pub enum KeepError {
    /// The catalogue gave no whole answer.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// What lies in the folders cannot be judged, or not be changed.
    #[error(transparent)]
    Pool(#[from] PoolError),
    /// Who uses the bases is not known: links were made, and nothing was removed.
    #[error(transparent)]
    Leases(#[from] LeaseError),
}

/// Told of deeds, beside the log: to start servers again, to count.
#[async_trait::async_trait]
pub trait DeedListener: Send + Sync {
    /// After a link or a pass. `deeds` may be empty.
    async fn did(&self, deeds: &[Deed]);
}

/// See the head of this file.
pub struct PoolKeeper {
    /// Which images there are.
    pub catalog: Arc<dyn ImageCatalog>,
    /// Who uses the bases.
    pub leases: Arc<dyn BaseLeases>,
    /// The folders.
    pub pool: Arc<dyn BasePool>,
    /// Whoever hears of changes.
    pub news: Vec<Arc<dyn ImageNews>>,
    /// Told of what was done.
    pub listeners: Vec<Arc<dyn DeedListener>>,
    /// The operator's.
    pub settings: KeeperSettings,
}

/// What the loop knows.
#[derive(Default)]
struct Known {
    /// What was said of each base and has not changed since: said once, not at every pass.
    said: BTreeMap<String, String>,
    /// Images that were heard of and are not active yet, with the end of following them.
    followed: BTreeMap<ImageId, Instant>,
    /// Why the last pass could not be done.
    trouble: Option<String>,
}

impl PoolKeeper {
    /// One full pass; a second one where the first has found something that may go at once.
    pub async fn pass(&self) -> Result<PassReport, KeepError> {
        let (mut report, mut unknown) = self.look().await?;
        if report.pending && !self.settings.dry_run {
            let (more, still) = self.look().await?;
            report.deeds.extend(more.deeds);
            unknown = still;
        }
        deeds::tell(&report.deeds);
        self.listen(&report.deeds).await;
        unknown.map_or(Ok(report), |error| Err(error.into()))
    }

    async fn look(&self) -> Result<(PassReport, Option<LeaseError>), KeepError> {
        let begun = self.pool.begin().await?;
        let images = self.catalog.list().await?;
        let (leases, unknown) = match self.leases.list().await {
            Ok(leases) => (Some(leases), None),
            Err(error) => (None, Some(error)),
        };
        let pass = Pass { begun, images, leases, dry_run: self.settings.dry_run };
        Ok((self.pool.keep(&pass).await?, unknown))
    }

    async fn listen(&self, deeds: &[Deed]) {
        for listener in &self.listeners {
            listener.did(deeds).await;
        }
    }

    /// Keeps the pool until it is dropped.
    pub async fn run(&self) {
        let mut hints: SelectAll<BoxStream<'static, ImageHint>> =
            self.news.iter().map(|news| news.hints()).collect();
        let mut known = Known::default();
        let (mut next_pass, mut last_pass) = (Instant::now(), None::<Instant>);
        loop {
            let next_look = known.followed.is_empty().then_some(next_pass);
            let next_look = next_look.unwrap_or_else(|| next_pass.min(Instant::now() + FOLLOW.0));
            let mut heard = BTreeSet::new();
            tokio::select! {
                biased;
                hint = hints.next(), if !hints.is_empty() => {
                    heard.extend(hint);
                    // Those that came meanwhile, at one go.
                    while let Some(Some(more)) = hints.next().now_or_never() {
                        heard.insert(more);
                    }
                }
                () = sleep_until(next_look) => {}
            }
            let mut soon = false;
            for hint in heard {
                match hint {
                    ImageHint::Any => soon = true,
                    ImageHint::Image(id) => {
                        known.followed.insert(id, Instant::now() + FOLLOW.1);
                    }
                }
            }
            soon |= self.follow(&mut known).await;
            if soon {
                next_pass = next_pass.min(last_pass.map_or_else(Instant::now, |last| last + GAP));
            }
            if Instant::now() >= next_pass {
                self.full(&mut known).await;
                last_pass = Some(Instant::now());
                next_pass = Instant::now() + self.settings.interval;
            }
        }
    }

    /// Looks at every image that was heard of. Says whether one has gone, which takes a full pass.
    async fn follow(&self, known: &mut Known) -> bool {
        let mut gone = false;
        let now = Instant::now();
        for id in known.followed.keys().copied().collect::<Vec<_>>() {
            let found = match self.catalog.find(id).await {
                Ok(found) => found,
                Err(error) => {
                    tracing::debug!(image.id = %id, error = &error as &dyn std::error::Error, "an image cannot be looked at");
                    known.followed.remove(&id);
                    continue;
                }
            };
            match found {
                Some(image) if image.state == CatalogState::Active && !self.settings.dry_run => {
                    known.followed.remove(&id);
                    match self.pool.link(&image).await {
                        Ok(report) => self.say(known, report).await,
                        // The pass says it.
                        Err(error) => {
                            tracing::debug!(image.id = %id, %error, "an image cannot be linked")
                        }
                    }
                }
                Some(image) if image.state == CatalogState::Unfinished => {
                    known.followed.retain(|other, until| *other != id || *until > now);
                }
                Some(_) | None => {
                    known.followed.remove(&id);
                    gone = true;
                }
            }
        }
        gone
    }

    async fn say(&self, known: &mut Known, report: PassReport) {
        let fresh: Vec<Deed> = report.deeds.into_iter().filter(|deed| known.is_new(deed)).collect();
        deeds::tell(&fresh);
        self.listen(&fresh).await;
    }

    /// A full pass with its trouble told once, then some reading.
    async fn full(&self, known: &mut Known) {
        let trouble = match self.judged(known).await {
            Ok(()) => None,
            Err(error) => Some(chain(&error)),
        };
        match (&known.trouble, &trouble) {
            (before, Some(now)) if before.as_ref() != Some(now) => {
                tracing::error!(why = now, "the pool could not be judged; nothing was removed");
            }
            (Some(_), None) => tracing::info!("the pool can be judged again"),
            _ => {}
        }
        let judged = trouble.is_none();
        known.trouble = trouble;
        if judged && !self.settings.dry_run && self.settings.scrub_bytes_per_second > 0 {
            self.scrub(known).await;
        }
    }

    async fn judged(&self, known: &mut Known) -> Result<(), KeepError> {
        let (report, mut unknown) = self.look().await?;
        known.forget_what_is_over(&report);
        let pending = report.pending;
        self.say(known, report).await;
        if pending && !self.settings.dry_run {
            let (more, still) = self.look().await?;
            self.say(known, more).await;
            unknown = still;
        }
        unknown.map_or(Ok(()), |error| Err(error.into()))
    }

    async fn scrub(&self, known: &mut Known) {
        let seconds = self.settings.interval.as_secs().max(1);
        let budget = Bytes(self.settings.scrub_bytes_per_second.saturating_mul(seconds));
        let Ok(leases) = self.leases.list().await else {
            return;
        };
        match self.pool.scrub(budget, None, &leases).await {
            Ok(report) => {
                let damage = report.deeds.iter().any(|deed| deed.did == Did::Failed);
                self.say(known, report).await;
                // What reading has found is put right at once.
                if damage && let Err(error) = self.judged(known).await {
                    tracing::error!(
                        why = chain(&error),
                        "damage was found and could not be put right yet"
                    );
                }
            }
            Err(error) => tracing::warn!(%error, "the bases could not be read"),
        }
    }
}

impl Known {
    /// Whether something has not been said yet. What was done is always new; what was left alone is new once.
    fn is_new(&mut self, deed: &Deed) -> bool {
        match deed.did {
            Did::Linked | Did::Healed | Did::Quarantined | Did::Removed => true,
            Did::LeftAlone | Did::Failed => {
                // The seconds that are left until something goes are no news.
                let why: String = deed.why.chars().filter(|c| !c.is_ascii_digit()).collect();
                let key = format!("{}{}", deed.base, deed.did.name());
                self.said.insert(key, why.clone()) != Some(why)
            }
        }
    }

    fn forget_what_is_over(&mut self, report: &PassReport) {
        let still: BTreeSet<String> =
            report.deeds.iter().map(|deed| format!("{}{}", deed.base, deed.did.name())).collect();
        self.said.retain(|key, _| still.contains(key));
    }
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
