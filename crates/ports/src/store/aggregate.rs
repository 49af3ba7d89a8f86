//! Aggregates of hosts, and what hosts have told of their bases.

use super::StoreError;
use async_trait::async_trait;
use hatchery_model::base::BaseOnHost;
use hatchery_model::compute::Aggregate;
use hatchery_model::id::{HostName, ImageId};

/// Aggregates.
#[async_trait]
pub trait Aggregates: Send {
    /// By number.
    async fn find(&mut self, number: u64) -> Result<Option<Aggregate>, StoreError>;
    /// All, by number. There are few.
    async fn list(&mut self) -> Result<Vec<Aggregate>, StoreError>;
    /// A new one; gives it the next number and returns it so. `Conflict` when the name is taken.
    async fn insert(&mut self, aggregate: Aggregate) -> Result<Aggregate, StoreError>;
    /// Replaces it, by compare-and-set on its generation; `Conflict` also when the name is taken.
    async fn update(&mut self, aggregate: &Aggregate) -> Result<(), StoreError>;
    /// Removes it.
    async fn delete(&mut self, number: u64) -> Result<bool, StoreError>;
}

/// How bases are on hosts.
#[async_trait]
pub trait HostBases: Send {
    /// Of an image, of a host, or both: by image and host.
    async fn list(
        &mut self,
        image: Option<ImageId>,
        host: Option<&HostName>,
    ) -> Result<Vec<BaseOnHost>, StoreError>;
    /// A new one, or in the place of the one that is there.
    async fn put(&mut self, base: &BaseOnHost) -> Result<(), StoreError>;
    /// Forgets it.
    async fn delete(&mut self, image: ImageId, host: &HostName) -> Result<bool, StoreError>;
}
