//! Sets and removes extra specs of a flavor. Reading them is [`FlavorVerbs::show`]'s.

use super::FlavorVerbs;
use super::show_flavor::find;
use crate::error::Error;
use crate::policy;
use hatchery_model::caller::Caller;
use hatchery_model::compute::Flavor;
use hatchery_model::id::FlavorId;
use std::collections::BTreeMap;

impl FlavorVerbs {
    /// Adds specs, and replaces those of the same name. Administrators only. `NotFound`; `Invalid` for a name that none may have.
    pub async fn set_extra_specs(
        &self,
        caller: &Caller,
        id: &FlavorId,
        specs: BTreeMap<String, String>,
    ) -> Result<Flavor, Error> {
        policy::admin(caller, "os_compute_api:os-flavor-extra-specs:create")?;
        let allowed = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | ':' | '.' | ' ');
        for (name, value) in &specs {
            if name.is_empty()
                || name.len() > 255
                || !name.chars().all(allowed)
                || value.len() > 255
            {
                return Err(Error::Invalid(format!(
                    "Key Names can only contain alphanumeric characters, periods, dashes, underscores, colons and spaces; names and values have at most 255 characters: '{name}' does not fit."
                )));
            }
        }
        let mut uow = self.store.begin().await?;
        let mut flavor = find(&mut *uow, id).await?;
        flavor.extra_specs.extend(specs);
        uow.flavors().update(&flavor).await?;
        uow.commit().await?;
        Ok(flavor)
    }

    /// Removes a spec. Administrators only. `NotFound`: flavor or spec.
    pub async fn delete_extra_spec(
        &self,
        caller: &Caller,
        id: &FlavorId,
        name: &str,
    ) -> Result<(), Error> {
        policy::admin(caller, "os_compute_api:os-flavor-extra-specs:delete")?;
        let mut uow = self.store.begin().await?;
        let mut flavor = find(&mut *uow, id).await?;
        if flavor.extra_specs.remove(name).is_none() {
            return Err(Error::not_found("Flavor extra spec", name));
        }
        uow.flavors().update(&flavor).await?;
        uow.commit().await?;
        Ok(())
    }
}
