//! A new role.

use super::name_taken;
use crate::error::Error;
use crate::identity::conflict::or_taken;
use crate::identity::policy::{deployment_admin, require};
use hatchery_model::caller::Caller;
use hatchery_model::id::{DomainId, RoleId};
use hatchery_model::identity::Role;
use hatchery_ports::entropy::{Entropy, random_uuid};
use hatchery_ports::store::Store;
use std::sync::Arc;

/// What it is to be.
#[derive(Clone, Debug)]
pub struct NewRole {
    /// Its name.
    pub name: String,
    /// Its domain; `None`: global.
    pub domain: Option<DomainId>,
    /// Free text.
    pub description: Option<String>,
}

/// Makes roles.
pub struct CreateRole {
    pub(in crate::identity) store: Arc<dyn Store>,
    pub(in crate::identity) entropy: Arc<dyn Entropy>,
}

impl CreateRole {
    /// `NotFound` for an unknown domain, `Conflict` when the name is taken there.
    pub async fn run(&self, caller: &Caller, new: NewRole) -> Result<Role, Error> {
        let action = match new.domain {
            Some(_) => "create_domain_role",
            None => "create_role",
        };
        require(deployment_admin(caller), action)?;
        let role = Role {
            id: RoleId::from(random_uuid(self.entropy.as_ref())),
            name: new.name,
            domain: new.domain,
            description: new.description,
        };
        let mut unit = self.store.begin().await?;
        if let Some(domain) = &role.domain
            && unit.domains().find(domain).await?.is_none()
        {
            return Err(Error::not_found("domain", domain));
        }
        or_taken(unit.roles().insert(&role).await, || name_taken(&role.name))?;
        unit.commit().await?;
        Ok(role)
    }
}
