//! Gives a user a role on a target.

use super::target::GrantNouns;
use crate::error::Error;
use crate::identity::policy::require;
use hatchery_model::caller::Caller;
use hatchery_model::identity::{Assignment, AssignmentTarget};
use hatchery_ports::store::Store;
use std::sync::Arc;

/// Gives roles.
pub struct Grant {
    pub(in crate::identity) store: Arc<dyn Store>,
}

impl Grant {
    /// The user has it with its next token. `Denied` for a domain's role on another domain's project.
    pub async fn run(&self, caller: &Caller, new: &Assignment) -> Result<(), Error> {
        let mut unit = self.store.begin().await?;
        let Assignment { user, role, target } = new;
        let nouns = GrantNouns::find(unit.as_mut(), user, Some(role), target, false).await?;
        let action = match target {
            AssignmentTarget::System => "create_system_grant_for_user",
            AssignmentTarget::Project(_) | AssignmentTarget::Domain(_) => "create_grant",
        };
        require(nouns.writable_by(caller), action)?;
        let role_domain = nouns.role.and_then(|role| role.domain);
        if let AssignmentTarget::Project(project) = target
            && role_domain.is_some()
            && role_domain != nouns.domain
        {
            return Err(Error::Denied(format!(
                "Project {project} must be in the same domain as the role {role} being assigned."
            )));
        }
        unit.assignments().insert(new).await?;
        unit.commit().await?;
        Ok(())
    }
}
