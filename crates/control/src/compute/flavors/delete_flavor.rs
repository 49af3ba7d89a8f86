//! Removes a flavor. Servers made with it keep their copy.

use super::{FlavorVerbs, KIND};
use crate::error::Error;
use crate::policy;
use hatchery_model::caller::Caller;
use hatchery_model::id::FlavorId;

impl FlavorVerbs {
    /// Removes it. Administrators only. `NotFound`.
    pub async fn delete(&self, caller: &Caller, id: &FlavorId) -> Result<(), Error> {
        policy::admin(caller, "os_compute_api:os-flavor-manage:delete")?;
        let mut uow = self.store.begin().await?;
        if !uow.flavors().delete(id).await? {
            return Err(Error::not_found(KIND, id));
        }
        uow.commit().await?;
        Ok(())
    }
}
