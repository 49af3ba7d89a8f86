//! Who uses which base.
//!
//! Contract. Called before a base is removed, and to show holders. The answer is every lease that stands, on every host that shares the pool,
//! or an error: what could not be read whole is never an answer with fewer leases in it.

use async_trait::async_trait;
use hatchery_model::base::LeaseBook;

/// Why the leases are not known.
#[derive(Debug, thiserror::Error)]
pub enum LeaseError {
    /// Not all of them can be read, so none counts as absent. The text says which, and what to do.
    #[error("{0}")]
    Unavailable(String),
}

/// See the head of this file.
#[async_trait]
pub trait BaseLeases: Send + Sync {
    /// Every lease that stands.
    async fn list(&self) -> Result<LeaseBook, LeaseError>;
}
