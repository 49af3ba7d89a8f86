//! What is going on in the cloud's process now, for people who look.

use crate::error::Error;
use crate::policy;
use futures_util::future::BoxFuture;
use hatchery_model::caller::Caller;
use hatchery_model::live::{LiveFigures, Transfer};
use hatchery_model::timestamp::Timestamp;
use hatchery_ports::clock::Clock;
use hatchery_ports::transfers::Transfers;
use std::sync::Arc;

/// Reads the figures, all at once.
pub type ReadLive = Arc<dyn Fn() -> BoxFuture<'static, LiveFigures> + Send + Sync>;

/// `GET /os-hatchery-live`
pub struct Live {
    /// What is moving.
    pub transfers: Arc<dyn Transfers>,
    /// Where the figures are kept.
    pub read: ReadLive,
    /// Time of day.
    pub clock: Arc<dyn Clock>,
}

/// One look.
pub struct LiveLook {
    /// When.
    pub at: Timestamp,
    /// What is moving.
    pub transfers: Vec<Transfer>,
    /// Counts and sizes.
    pub figures: LiveFigures,
}

impl Live {
    /// Everything. Administrators only: it names images of all projects.
    pub async fn run(&self, caller: &Caller) -> Result<LiveLook, Error> {
        policy::admin(caller, "hatchery:live")?;
        let figures = (self.read)().await;
        Ok(LiveLook { at: self.clock.now(), transfers: self.transfers.list(), figures })
    }
}
