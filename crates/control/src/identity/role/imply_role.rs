//! Makes one role imply another.

use super::existing_role;
use crate::error::Error;
use crate::identity::policy::{deployment_admin, require};
use hatchery_model::caller::Caller;
use hatchery_model::id::RoleId;
use hatchery_model::identity::Role;
use hatchery_ports::store::Store;
use std::sync::Arc;

/// The role that nothing may imply: whoever could give the implying one would make administrators.
const NEVER_IMPLIED: &str = "admin";

/// Adds implications.
pub struct ImplyRole {
    pub(in crate::identity) store: Arc<dyn Store>,
}

impl ImplyRole {
    /// The two roles. Whoever holds the first gets the second with its next token. `Denied` for roles that must not be implied.
    pub async fn run(
        &self,
        caller: &Caller,
        prior: &RoleId,
        implied: &RoleId,
    ) -> Result<(Role, Role), Error> {
        let mut unit = self.store.begin().await?;
        let of = existing_role(unit.as_mut(), prior).await?;
        let what = existing_role(unit.as_mut(), implied).await?;
        require(deployment_admin(caller), "create_implied_role")?;
        if what.name == NEVER_IMPLIED {
            return Err(Error::Denied(format!("{implied} must not be implied by another role.")));
        }
        if of.domain.is_none() && what.domain.is_some() {
            return Err(Error::Denied("Global role cannot imply a domain-specific role".into()));
        }
        unit.roles().insert_implication(prior, implied).await?;
        unit.commit().await?;
        Ok((of, what))
    }
}
