//! From pass to pass: one at the interval, a look at each image that there is news of at once, and the reading of bases in between.

use super::parts::{Look, Outcome, Parts};
use super::said::Said;
use futures_util::StreamExt;
use futures_util::stream::{BoxStream, SelectAll};
use hatchery_model::base::{Deed, LeaseBook};
use hatchery_model::id::ImageId;
use hatchery_ports::image_catalog::ImageHint;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::task::{JoinError, JoinHandle, JoinSet};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

/// Images that are looked at on their own; with more news than that a pass is quicker.
const LOOKS: usize = 256;
/// The shortest time from one pass to the next, whatever news there is.
const CALM: Duration = Duration::from_millis(500);
const MIB: u64 = 1 << 20;

/// All hints.
pub type News = SelectAll<BoxStream<'static, ImageHint>>;

/// When to do what.
#[derive(Clone, Copy, Debug)]
pub struct Schedule {
    /// From pass to pass.
    pub interval: Duration,
    /// 0: bases are not read.
    pub scrub_mib_per_second: u64,
}

/// Keeps, for ever.
pub async fn keep(parts: Parts, mut news: News, schedule: Schedule) {
    let mut keeper = Keeper {
        parts: Arc::new(parts),
        said: Said::default(),
        passing: None,
        scrubbing: None,
        looks: JoinSet::new(),
        looked_for: HashMap::new(),
        due: Some(Instant::now()),
        leases: None,
    };
    let mut ticker = interval(schedule.interval);
    ticker.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut scrub_at = (schedule.scrub_mib_per_second > 0).then(Instant::now);
    loop {
        tokio::select! {
            _ = ticker.tick() => keeper.ask_for_pass(Duration::ZERO),
            () = until(keeper.due), if keeper.passing.is_none() => keeper.begin_pass(),
            outcome = finished(&mut keeper.passing) => keeper.end_pass(outcome).await,
            Some(hint) = news.next() => keeper.hear(hint),
            Some(looked) = keeper.looks.join_next() => keeper.end_look(looked),
            () = until(scrub_at), if keeper.may_scrub() => {
                keeper.begin_scrub();
                scrub_at = None;
            }
            read = finished(&mut keeper.scrubbing) => {
                let seconds = keeper.end_scrub(read) as f64 / (schedule.scrub_mib_per_second * MIB) as f64;
                let pause = Duration::from_secs_f64(seconds.clamp(1.0, 86_400.0));
                scrub_at = Some(Instant::now() + pause);
            }
        }
    }
}

type Scrubbed = Result<Option<(hatchery_model::units::Bytes, Vec<Deed>)>, String>;

struct Keeper {
    parts: Arc<Parts>,
    said: Said,
    passing: Option<JoinHandle<Outcome>>,
    scrubbing: Option<JoinHandle<Scrubbed>>,
    looks: JoinSet<(ImageId, Look)>,
    looked_for: HashMap<ImageId, Arc<Notify>>,
    /// When the next pass may begin, if one is due.
    due: Option<Instant>,
    leases: Option<LeaseBook>,
}

impl Keeper {
    fn ask_for_pass(&mut self, within: Duration) {
        let at = Instant::now() + within;
        self.due = Some(self.due.map_or(at, |due| due.min(at)));
    }

    fn begin_pass(&mut self) {
        self.due = None;
        let parts = Arc::clone(&self.parts);
        self.passing = Some(tokio::spawn(async move { parts.pass().await }));
    }

    async fn end_pass(&mut self, outcome: Result<Outcome, JoinError>) {
        let outcome = outcome.unwrap_or_else(|error| {
            let trouble = vec![format!("a pass broke off: {error}")];
            Outcome { trouble, ..Outcome::default() }
        });
        self.said.pass(&outcome, self.parts.dry_run);
        let trouble = self.parts.reset(&outcome.resets).await;
        self.said.not_reset(trouble);
        self.leases = outcome.leases;
    }

    fn hear(&mut self, hint: ImageHint) {
        let id = match hint {
            ImageHint::Image(id) if !self.parts.dry_run => id,
            ImageHint::Image(_) | ImageHint::Any => return self.ask_for_pass(CALM),
        };
        if let Some(again) = self.looked_for.get(&id) {
            again.notify_one();
            return;
        }
        if self.looked_for.len() >= LOOKS {
            return self.ask_for_pass(CALM);
        }
        let (parts, again) = (Arc::clone(&self.parts), Arc::new(Notify::new()));
        self.looked_for.insert(id, Arc::clone(&again));
        self.looks.spawn(async move { (id, parts.look(id, &again).await) });
    }

    fn end_look(&mut self, looked: Result<(ImageId, Look), JoinError>) {
        let (id, look) = match looked {
            Ok(looked) => looked,
            Err(error) => {
                tracing::error!(%error, "a look at an image broke off");
                // Which one is not known: all may be looked at again.
                self.looked_for.clear();
                return self.ask_for_pass(CALM);
            }
        };
        self.looked_for.remove(&id);
        match look {
            Look::Linked(deeds) => self.said.deeds(&deeds),
            Look::PassDue => self.ask_for_pass(CALM),
            Look::GivenUp => {}
            Look::Failed(why) => tracing::error!(image.id = %id, "not linked yet: {why}"),
        }
    }

    fn may_scrub(&self) -> bool {
        self.leases.is_some()
            && self.passing.is_none()
            && self.looks.is_empty()
            && !self.parts.dry_run
    }

    fn begin_scrub(&mut self) {
        let (parts, leases) = (Arc::clone(&self.parts), self.leases.clone().unwrap_or_default());
        self.scrubbing = Some(tokio::spawn(async move { parts.scrub(&leases).await }));
    }

    /// Bytes that were read.
    fn end_scrub(&mut self, scrubbed: Result<Scrubbed, JoinError>) -> u64 {
        let why = match scrubbed {
            Ok(Ok(None)) => return 0,
            Ok(Ok(Some((size, deeds)))) => {
                if !deeds.is_empty() {
                    self.said.deeds(&deeds);
                    self.ask_for_pass(CALM);
                }
                return size.0;
            }
            Ok(Err(why)) => why,
            Err(error) => error.to_string(),
        };
        tracing::warn!("bases are not read: {why}");
        0
    }
}

async fn until(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}

/// The end of a task, if one runs; it is none then.
async fn finished<T>(task: &mut Option<JoinHandle<T>>) -> Result<T, JoinError> {
    match task {
        Some(running) => {
            let done = running.await;
            *task = None;
            done
        }
        None => std::future::pending().await,
    }
}
