//! Counts for the benchmark.

use std::sync::atomic::{AtomicU64, Ordering};

/// How much the database has been asked to do since it was opened.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Figures {
    /// Statements run, `BEGIN`, `COMMIT` and `ROLLBACK` left out.
    pub statements: u64,
    /// Transactions committed that had written: each is made durable by one fsync.
    pub commits: u64,
}

#[derive(Default)]
pub(crate) struct Counters {
    statements: AtomicU64,
    commits: AtomicU64,
}

impl Counters {
    pub(crate) fn statement(&self) {
        self.statements.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn commit(&self) {
        self.commits.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn read(&self) -> Figures {
        Figures {
            statements: self.statements.load(Ordering::Relaxed),
            commits: self.commits.load(Ordering::Relaxed),
        }
    }
}
