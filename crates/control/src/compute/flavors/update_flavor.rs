//! Changes what may be changed of a flavor: its description.

use super::FlavorVerbs;
use super::show_flavor::find;
use crate::error::Error;
use crate::policy;
use hatchery_model::caller::Caller;
use hatchery_model::compute::Flavor;
use hatchery_model::id::FlavorId;

impl FlavorVerbs {
    /// Sets the description (2.55). Administrators only. `NotFound`.
    pub async fn update(
        &self,
        caller: &Caller,
        id: &FlavorId,
        description: Option<String>,
    ) -> Result<Flavor, Error> {
        policy::admin(caller, "os_compute_api:os-flavor-manage:update")?;
        let mut uow = self.store.begin().await?;
        let mut flavor = find(&mut *uow, id).await?;
        flavor.description = description;
        uow.flavors().update(&flavor).await?;
        uow.commit().await?;
        Ok(flavor)
    }
}
