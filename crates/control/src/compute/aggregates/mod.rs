//! The verbs of aggregates, one a file. Administrators only.
//!
//! The availability zone of a host is that of the aggregate that makes one, and stands in the host's row too: each verb that changes the one changes
//! the other in the same transaction, so that nobody else has to look at aggregates for it.

mod cache_images;
mod change_hosts;
mod create_aggregate;
mod delete_aggregate;
mod list_aggregates;
mod list_cached;
mod unpin_image;
mod update_aggregate;
mod zones;

pub use cache_images::CacheWish;
pub use list_cached::CachedImage;
pub use update_aggregate::AggregateChanges;

use super::ComputeSettings;
use crate::error::Error;
use crate::workflow::Outgoing;
use hatchery_model::compute::Aggregate;
use hatchery_ports::clock::Clock;
use hatchery_ports::entropy::Entropy;
use hatchery_ports::store::{Store, UnitOfWork};
use std::sync::Arc;

/// See the head of this file.
pub struct AggregateVerbs {
    /// The database.
    pub store: Arc<dyn Store>,
    /// Time of day.
    pub clock: Arc<dyn Clock>,
    /// Ids.
    pub entropy: Arc<dyn Entropy>,
    /// What the operator has set.
    pub settings: Arc<ComputeSettings>,
    /// To the outbox relay.
    pub outgoing: Outgoing,
}

/// By number. `NotFound`.
async fn find(uow: &mut dyn UnitOfWork, number: u64) -> Result<Aggregate, Error> {
    let found = uow.aggregates().find(number).await?;
    found.ok_or_else(|| Error::not_found("Aggregate", number))
}

/// What a pin of an aggregate is for.
fn holder(aggregate: &Aggregate) -> String {
    format!("aggregate {}", aggregate.number)
}

fn name_taken(name: &str) -> Error {
    Error::Conflict(format!("Aggregate {name} already exists."))
}
