//! What is moving now.
//!
//! Contract. Called by the code that moves bytes. `begin` and `Moving::add` never wait and never fail, and cost an addition or two, so that they
//! may stand on any path. Dropping the handle ends the transfer, wherever that happens; whoever has moved everything says so by `done` before.

use hatchery_model::id::ImageId;
use hatchery_model::live::{Transfer, TransferKind};
use hatchery_model::units::Bytes;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A transfer that begins.
#[derive(Clone, Debug)]
pub struct NewTransfer {
    /// Its kind.
    pub kind: TransferKind,
    /// What is moved, for people.
    pub what: String,
    /// The image whose bytes they are, where there is one.
    pub image: Option<ImageId>,
    /// Bytes in all, where known.
    pub total: Option<Bytes>,
}

/// How a transfer ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ending {
    /// Everything was moved.
    Done,
    /// It broke off.
    Broken,
}

impl Ending {
    /// Its name, for metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Broken => "broken",
        }
    }
}

/// See the head of this file.
pub trait Transfers: Send + Sync {
    /// Begins one, which lasts as long as the handle.
    fn begin(&self, new: NewTransfer) -> Moving;

    /// Those under way, oldest first.
    fn list(&self) -> Vec<Transfer>;
}

/// A transfer under way. Counts its own bytes, and those of its kind.
pub struct Moving {
    bytes: Arc<AtomicU64>,
    of_its_kind: metrics::Counter,
    end: Option<Box<dyn FnOnce(Ending) + Send + Sync>>,
}

impl Moving {
    /// For plugs: the counters, and what is to be done at the end.
    pub fn new(
        bytes: Arc<AtomicU64>,
        of_its_kind: metrics::Counter,
        end: impl FnOnce(Ending) + Send + Sync + 'static,
    ) -> Self {
        Self { bytes, of_its_kind, end: Some(Box::new(end)) }
    }

    /// So many more bytes were moved.
    pub fn add(&self, bytes: u64) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        self.of_its_kind.increment(bytes);
    }

    /// Everything was moved.
    pub fn done(mut self) {
        self.end(Ending::Done);
    }

    fn end(&mut self, ending: Ending) {
        if let Some(end) = self.end.take() {
            end(ending);
        }
    }
}

impl Drop for Moving {
    fn drop(&mut self) {
        self.end(Ending::Broken);
    }
}

impl fmt::Debug for Moving {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Moving").field("bytes", &self.bytes).finish_non_exhaustive()
    }
}
