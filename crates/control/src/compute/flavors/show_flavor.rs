//! Shows a flavor.

use super::{FlavorVerbs, KIND};
use crate::error::Error;
use hatchery_model::caller::Caller;
use hatchery_model::compute::Flavor;
use hatchery_model::id::FlavorId;
use hatchery_ports::store::UnitOfWork;

impl FlavorVerbs {
    /// One flavor. `NotFound` also when it is not public and the caller no administrator.
    pub async fn show(&self, caller: &Caller, id: &FlavorId) -> Result<Flavor, Error> {
        let mut uow = self.store.read().await?;
        let flavor = find(&mut *uow, id).await?;
        if flavor.is_public || caller.is_admin() {
            Ok(flavor)
        } else {
            Err(Error::not_found(KIND, id))
        }
    }
}

/// The flavor, or `NotFound`.
pub(super) async fn find(uow: &mut dyn UnitOfWork, id: &FlavorId) -> Result<Flavor, Error> {
    let found = uow.flavors().find(id).await?;
    found.ok_or_else(|| Error::not_found(KIND, id))
}
