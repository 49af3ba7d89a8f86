//! The roles that a user was given on a target.

use super::target::GrantNouns;
use crate::error::Error;
use crate::identity::policy::require;
use hatchery_model::caller::Caller;
use hatchery_model::id::UserId;
use hatchery_model::identity::{AssignmentTarget, Role};
use hatchery_ports::store::{AssignmentFilter, Store};
use std::sync::Arc;

/// Lists grants.
pub struct ListGrants {
    pub(in crate::identity) store: Arc<dyn Store>,
}

impl ListGrants {
    /// Without those that are only implied.
    pub async fn run(
        &self,
        caller: &Caller,
        user: &UserId,
        target: &AssignmentTarget,
    ) -> Result<Vec<Role>, Error> {
        let mut unit = self.store.read().await?;
        let nouns = GrantNouns::find(unit.as_mut(), user, None, target, false).await?;
        let action = match target {
            AssignmentTarget::System => "list_system_grants_for_user",
            AssignmentTarget::Project(_) | AssignmentTarget::Domain(_) => "list_grants",
        };
        require(nouns.readable_by(caller), action)?;
        let filter =
            AssignmentFilter { user: Some(user.clone()), role: None, target: Some(target.clone()) };
        let mut roles = Vec::new();
        for assignment in unit.assignments().list(&filter).await? {
            roles.extend(unit.roles().find(&assignment.role).await?);
        }
        Ok(roles)
    }
}
