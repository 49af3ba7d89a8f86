//! The verbs of the pool, one a file. Administrators only.

use crate::compute::ReviveServers;
use crate::error::Error;
use hatchery_model::base::{BaseName, BaseStatus, LeaseBook};
use hatchery_model::id::ImageId;
use hatchery_ports::base_leases::{BaseLeases, LeaseError};
use hatchery_ports::base_pool::{BasePool, PoolError};
use hatchery_ports::image_catalog::{CatalogError, ImageCatalog};
use hatchery_ports::store::Store;
use std::sync::Arc;

/// See the head of this file.
pub struct PoolVerbs {
    /// The bases.
    pub pool: Arc<dyn BasePool>,
    /// Who uses them.
    pub leases: Arc<dyn BaseLeases>,
    /// Which images there are.
    pub catalog: Arc<dyn ImageCatalog>,
    /// What the images are called.
    pub store: Arc<dyn Store>,
    /// Brings servers back once their base is.
    pub revive: ReviveServers,
}

/// A base, and what its image is called.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NamedBase {
    /// The base.
    pub status: BaseStatus,
    /// Its image's name, if the image is still there and has one.
    pub name: Option<String>,
}

impl PoolVerbs {
    pub(super) async fn leases(&self) -> Result<LeaseBook, Error> {
        self.leases.list().await.map_err(|LeaseError::Unavailable(text)| Error::Conflict(text))
    }
}

/// The base that a user names: by its own name, or by its image's id.
pub(super) fn named(text: &str) -> Result<BaseName, Error> {
    if let Some(base) = BaseName::parse(text) {
        return Ok(base);
    }
    match text.parse::<ImageId>() {
        Ok(image) => Ok(BaseName::of(image)),
        Err(_) => Err(Error::Invalid(format!(
            "{text:?} names no base; give an image's id, or the 40 hex digits that a base is called."
        ))),
    }
}

/// What the pool says is for the administrator, who is the one that asks.
pub(super) fn of_pool(error: PoolError) -> Error {
    match error {
        PoolError::Suspect(text) | PoolError::Denied(text) | PoolError::Exhausted(text) => {
            Error::Conflict(text)
        }
        unavailable @ PoolError::Unavailable { .. } => {
            Error::Unavailable { source: Box::new(unavailable) }
        }
    }
}

pub(super) fn of_catalog(error: CatalogError) -> Error {
    match error {
        CatalogError::Denied(text) => Error::Conflict(text),
        unavailable @ CatalogError::Unavailable { .. } => {
            Error::Unavailable { source: Box::new(unavailable) }
        }
    }
}
