//! Changes a role.

use super::{RoleGraph, name_taken};
use crate::error::Error;
use crate::identity::conflict::or_taken;
use crate::identity::policy::{deployment_admin, require};
use crate::identity::role::graph::revoke_holders;
use crate::identity::token::TokenAuthority;
use hatchery_model::caller::Caller;
use hatchery_model::id::{DomainId, RoleId};
use hatchery_model::identity::Role;
use hatchery_ports::store::Store;
use std::sync::Arc;

/// What is to be different.
#[derive(Clone, Debug, Default)]
pub struct RoleChange {
    /// Its name.
    pub name: Option<String>,
    /// Its description.
    pub description: Option<Option<String>>,
    /// Its domain, which must be the one it has.
    pub domain: Option<Option<DomainId>>,
}

/// Updates roles.
pub struct UpdateRole {
    pub(in crate::identity) store: Arc<dyn Store>,
    pub(in crate::identity) authority: Arc<TokenAuthority>,
}

impl UpdateRole {
    /// The role as it is then. Renaming it takes back the tokens that name it.
    pub async fn run(
        &self,
        caller: &Caller,
        id: &RoleId,
        change: RoleChange,
    ) -> Result<Role, Error> {
        require(deployment_admin(caller), "update_role")?;
        let mut revoking = self.authority.revoking().await;
        let mut unit = self.store.begin().await?;
        let before = super::existing_role(unit.as_mut(), id).await?;
        if change.domain.is_some_and(|domain| domain != before.domain) {
            return Err(Error::Invalid("Cannot change Domain ID".into()));
        }
        let after = Role {
            id: before.id.clone(),
            name: change.name.unwrap_or_else(|| before.name.clone()),
            domain: before.domain.clone(),
            description: change.description.unwrap_or(before.description),
        };
        or_taken(unit.roles().update(&after).await, || name_taken(&after.name))?;
        if after.name != before.name {
            let graph = RoleGraph::load(unit.as_mut()).await?;
            revoke_holders(unit.as_mut(), &mut revoking, &graph, id).await?;
        }
        revoking.commit(unit).await?;
        Ok(after)
    }
}
