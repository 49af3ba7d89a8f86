//! Who uses which base, as the database has it.
//!
//! Whoever removes bases by it has asked for the images first: a lease is taken only in a transaction that has seen its image not to be going, so
//! every lease on an image that was gone at the first look is in the answer of the second.

use async_trait::async_trait;
use hatchery_model::base::LeaseBook;
use hatchery_ports::base_leases::{BaseLeases, LeaseError};
use hatchery_ports::clock::Clock;
use hatchery_ports::store::{Store, StoreError};
use std::sync::Arc;

/// The leases of disks, and the pins whose time is not over.
pub struct StoreLeases {
    /// The database.
    pub store: Arc<dyn Store>,
    /// Time of day.
    pub clock: Arc<dyn Clock>,
}

#[async_trait]
impl BaseLeases for StoreLeases {
    async fn list(&self) -> Result<LeaseBook, LeaseError> {
        self.book().await.map_err(|error| {
            let cause = std::error::Error::source(&error);
            let cause = cause.map_or_else(String::new, |cause| format!(": {cause}"));
            LeaseError::Unavailable(format!("Who uses which base is not known: {error}{cause}"))
        })
    }
}

impl StoreLeases {
    async fn book(&self) -> Result<LeaseBook, StoreError> {
        let mut uow = self.store.read().await?;
        let mut book: LeaseBook = uow.leases().list(None).await?.into_iter().collect();
        let pins = uow.leases().list_pins(None).await?;
        let now = self.clock.now();
        book.extend(pins.iter().filter(|pin| pin.until > now).map(|pin| pin.lease()));
        Ok(book)
    }
}
