//! One role.

use crate::error::Error;
use crate::identity::policy::{MANAGED_ROLES, deployment_reader, require, system_reader};
use hatchery_model::caller::Caller;
use hatchery_model::id::RoleId;
use hatchery_model::identity::Role;
use hatchery_ports::store::Store;
use std::sync::Arc;

/// Shows a role.
pub struct ShowRole {
    pub(in crate::identity) store: Arc<dyn Store>,
}

impl ShowRole {
    /// For administrators and readers of the system; managers see those that they may give.
    pub async fn run(&self, caller: &Caller, id: &RoleId) -> Result<Role, Error> {
        let found = self.store.read().await?.roles().find(id).await?;
        if found.as_ref().is_some_and(|role| role.domain.is_some()) {
            require(deployment_reader(caller), "get_domain_role")?;
        } else {
            let manages = caller.has_role("manager")
                && found.as_ref().is_some_and(|role| MANAGED_ROLES.contains(&role.name.as_str()));
            require(caller.is_admin() || system_reader(caller) || manages, "get_role")?;
        }
        found.ok_or_else(|| Error::not_found("role", id))
    }
}
