//! Ends that one role implies another.

use super::existing_role;
use super::graph::{RoleGraph, revoke_holders};
use super::show_implication::no_implication;
use crate::error::Error;
use crate::identity::policy::{deployment_admin, require};
use crate::identity::token::TokenAuthority;
use hatchery_model::caller::Caller;
use hatchery_model::id::RoleId;
use hatchery_ports::store::Store;
use std::sync::Arc;

/// Removes implications.
pub struct StopImplyingRole {
    pub(in crate::identity) store: Arc<dyn Store>,
    pub(in crate::identity) authority: Arc<TokenAuthority>,
}

impl StopImplyingRole {
    /// Takes back the tokens of all who hold the first. `NotFound` when it did not imply the second.
    pub async fn run(
        &self,
        caller: &Caller,
        prior: &RoleId,
        implied: &RoleId,
    ) -> Result<(), Error> {
        let mut revoking = self.authority.revoking().await;
        let mut unit = self.store.begin().await?;
        existing_role(unit.as_mut(), prior).await?;
        existing_role(unit.as_mut(), implied).await?;
        require(deployment_admin(caller), "delete_implied_role")?;
        let graph = RoleGraph::load(unit.as_mut()).await?;
        if !unit.roles().delete_implication(prior, implied).await? {
            return Err(no_implication(prior, implied));
        }
        revoke_holders(unit.as_mut(), &mut revoking, &graph, prior).await?;
        revoking.commit(unit).await
    }
}
