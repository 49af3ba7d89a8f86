//! A pool of bases: one folder of links named as Nova names bases, and the hosts' `_base` folders that get theirs from it.
//!
//! Contract. Called by one task a process; several processes on one pool take turns. Every call may be repeated and may be cut off anywhere:
//! a name is never missing while it is replaced, and never shows bytes that are not its image's. Nothing is ever written to a base.
//! Nothing is removed but by `keep`, and by it only what no image explains and no lease holds.

use async_trait::async_trait;
use hatchery_model::base::{BaseName, BaseStatus, Deed, LeaseBook, ServerReset};
use hatchery_model::image::CatalogImage;
use hatchery_model::units::Bytes;

/// Why the pool did not do it.
#[derive(Debug, thiserror::Error)]
pub enum PoolError {
    /// What is found cannot be judged (a folder that is suddenly empty, a store that is not mounted): nothing was changed. The text says what
    /// to do.
    #[error("{0}")]
    Suspect(String),
    /// The system does not let us. The text says what to do.
    #[error("{0}")]
    Denied(String),
    /// No room.
    #[error("{0}")]
    Exhausted(String),
    /// An error that may pass.
    #[error("the pool cannot {doing}")]
    Unavailable {
        /// What was being done.
        doing: String,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
}

/// Where a pool's memory stands. What was marked as unneeded before then may go by what was read after.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct Mark(pub u64);

/// What a full pass is to go by, read in this order: where the memory stands, images, leases.
///
/// Removal takes two passes. The first finds that image and file are gone, and marks the base; from then on nobody can take a new lease on
/// it. The second has read the leases after that mark, so it knows every lease that can still stand.
#[derive(Clone, Debug)]
pub struct Pass {
    /// What [`BasePool::begin`] gave before anything else was read.
    pub begun: Mark,
    /// Every image that there is.
    pub images: Vec<CatalogImage>,
    /// Every lease that stands. `None`: they could not be read, so nothing may go.
    pub leases: Option<LeaseBook>,
    /// Say what would be done, and do nothing.
    pub dry_run: bool,
}

/// What came of a pass.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct PassReport {
    /// Bases looked at.
    pub looked_at: usize,
    /// What was done or decided against; what was as it should be is not named.
    pub deeds: Vec<Deed>,
    /// There is more to do for a pass that begins now: something was marked that it may remove, or a link has to wait for it.
    pub pending: bool,
    /// Servers whose base was put back, now or earlier, and of whom nobody has said yet that they were helped
    /// ([`BasePool::note_resets`]). Empty where the pool does not remember them.
    pub resets: Vec<ServerReset>,
}

/// See the head of this file.
#[async_trait]
pub trait BasePool: Send + Sync {
    /// Where the memory stands: asked before images and leases are read for a pass.
    async fn begin(&self) -> Result<Mark, PoolError>;

    /// Gives an active image its names now, ahead of the next pass.
    async fn link(&self, image: &CatalogImage) -> Result<PassReport, PoolError>;

    /// Looks at everything: makes the names that are missing, puts lost and changed bases right, removes what nobody needs.
    async fn keep(&self, pass: &Pass) -> Result<PassReport, PoolError>;

    /// Compares the bytes of bases with their digests, those first that were not for the longest time, until about `budget` bytes were read;
    /// or those of one base, all of them.
    async fn scrub(
        &self,
        budget: Bytes,
        only: Option<&BaseName>,
        leases: &LeaseBook,
    ) -> Result<PassReport, PoolError>;

    /// Writes down how far servers were helped. Durable when it returns, so that whoever dies in the middle knows later. Of servers that are
    /// not waited for nothing is written.
    async fn note_resets(&self, resets: &[ServerReset]) -> Result<(), PoolError>;

    /// Every base, as it is now.
    async fn list(&self, leases: &LeaseBook) -> Result<Vec<BaseStatus>, PoolError>;
}
