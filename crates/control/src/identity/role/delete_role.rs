//! Removes a role.

use super::graph::{RoleGraph, revoke_holders};
use crate::error::Error;
use crate::identity::policy::{deployment_admin, require};
use crate::identity::token::TokenAuthority;
use hatchery_model::caller::Caller;
use hatchery_model::id::RoleId;
use hatchery_ports::store::{AssignmentFilter, Store};
use std::sync::Arc;

/// Deletes roles.
pub struct DeleteRole {
    pub(in crate::identity) store: Arc<dyn Store>,
    pub(in crate::identity) authority: Arc<TokenAuthority>,
}

impl DeleteRole {
    /// Removes it with its assignments and implications, and takes back the tokens of all who held it.
    pub async fn run(&self, caller: &Caller, id: &RoleId) -> Result<(), Error> {
        require(deployment_admin(caller), "delete_role")?;
        let mut revoking = self.authority.revoking().await;
        let mut unit = self.store.begin().await?;
        super::existing_role(unit.as_mut(), id).await?;
        let graph = RoleGraph::load(unit.as_mut()).await?;
        revoke_holders(unit.as_mut(), &mut revoking, &graph, id).await?;
        let of_role = AssignmentFilter { role: Some(id.clone()), ..AssignmentFilter::default() };
        unit.assignments().delete(&of_role).await?;
        unit.roles().delete(id).await?;
        revoking.commit(unit).await
    }
}
