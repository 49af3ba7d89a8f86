//! The roles that fit.

use crate::error::Error;
use crate::identity::policy::{deployment_reader, require, system_reader, visible_domain};
use hatchery_model::caller::Caller;
use hatchery_model::id::DomainId;
use hatchery_model::identity::Role;
use hatchery_ports::store::Store;
use std::sync::Arc;

/// Which roles.
#[derive(Clone, Debug, Default)]
pub struct RoleQuery {
    /// Of this domain; `None`: global ones.
    pub domain: Option<DomainId>,
    /// With exactly this name.
    pub name: Option<String>,
}

/// Lists roles.
pub struct ListRoles {
    pub(in crate::identity) store: Arc<dyn Store>,
}

impl ListRoles {
    /// By name.
    pub async fn run(&self, caller: &Caller, query: &RoleQuery) -> Result<Vec<Role>, Error> {
        if query.domain.is_some() {
            require(deployment_reader(caller), "list_domain_roles")?;
        } else {
            let manages = caller.has_role("manager") && visible_domain(caller).is_some();
            let may = caller.is_admin() || system_reader(caller) || manages;
            require(may, "list_roles")?;
        }
        let mut roles = self.store.read().await?.roles().list().await?;
        roles.retain(|role| {
            role.domain == query.domain && query.name.as_ref().is_none_or(|name| name == &role.name)
        });
        Ok(roles)
    }
}
