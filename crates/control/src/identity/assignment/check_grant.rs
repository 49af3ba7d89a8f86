//! Whether a user was given a role on a target.

use super::no_grant;
use super::target::GrantNouns;
use crate::error::Error;
use crate::identity::policy::require;
use hatchery_model::caller::Caller;
use hatchery_model::identity::{Assignment, AssignmentTarget};
use hatchery_ports::store::{AssignmentFilter, Store};
use std::sync::Arc;

/// Checks grants.
pub struct CheckGrant {
    pub(in crate::identity) store: Arc<dyn Store>,
}

impl CheckGrant {
    /// `NotFound` when it was not.
    pub async fn run(&self, caller: &Caller, wanted: &Assignment) -> Result<(), Error> {
        let mut unit = self.store.read().await?;
        let Assignment { user, role, target } = wanted;
        let nouns = GrantNouns::find(unit.as_mut(), user, Some(role), target, false).await?;
        let action = match target {
            AssignmentTarget::System => "check_system_grant_for_user",
            AssignmentTarget::Project(_) | AssignmentTarget::Domain(_) => "check_grant",
        };
        require(nouns.readable_by(caller), action)?;
        let filter = AssignmentFilter {
            user: Some(user.clone()),
            role: Some(role.clone()),
            target: Some(target.clone()),
        };
        if unit.assignments().list(&filter).await?.is_empty() {
            return Err(no_grant(wanted));
        }
        Ok(())
    }
}
