//! Lists the zones in which volumes can be.

use super::VolumeServiceVerbs;
use crate::error::Error;
use std::collections::BTreeMap;

/// A zone.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct VolumeZone {
    /// Its name.
    pub name: String,
    /// Whether a backend in it takes volumes.
    pub available: bool,
}

impl VolumeServiceVerbs {
    /// The zones with backends, by name. For everyone.
    pub async fn zones(&self) -> Result<Vec<VolumeZone>, Error> {
        let mut uow = self.store.read().await?;
        let mut zones: BTreeMap<String, bool> = BTreeMap::new();
        for backend in self.read(&mut *uow).await? {
            *zones.entry(backend.zone).or_default() |= backend.disabled.is_none();
        }
        Ok(zones.into_iter().map(|(name, available)| VolumeZone { name, available }).collect())
    }
}
