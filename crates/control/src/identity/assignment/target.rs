//! What a grant is about, looked up: the rules depend on whose user, role and target they are.

use crate::error::Error;
use crate::identity::policy::{
    MANAGED_ROLES, deployment_admin, deployment_reader, holds_on, system_reader, visible_domain,
};
use crate::identity::role::existing_role;
use hatchery_model::caller::Caller;
use hatchery_model::id::{DomainId, RoleId, UserId};
use hatchery_model::identity::{AssignmentTarget, Role, User};
use hatchery_ports::store::UnitOfWork;

/// The nouns of a grant.
pub(super) struct GrantNouns {
    /// `None` for one that is not there any more, where that is allowed.
    pub user: Option<User>,
    pub role: Option<Role>,
    /// The domain of the target; `None` for the system.
    pub domain: Option<DomainId>,
    pub target: AssignmentTarget,
}

impl GrantNouns {
    /// Looks them up. `NotFound` for what is not there, in Keystone's order: role, user, target.
    pub async fn find(
        unit: &mut dyn UnitOfWork,
        user: &UserId,
        role: Option<&RoleId>,
        target: &AssignmentTarget,
        user_may_be_gone: bool,
    ) -> Result<Self, Error> {
        let role = match role {
            Some(id) => Some(existing_role(unit, id).await?),
            None => None,
        };
        let found = unit.users().find(user).await?;
        if found.is_none() && !user_may_be_gone {
            return Err(Error::not_found("user", user));
        }
        let domain = match target {
            AssignmentTarget::Project(id) => {
                let project = unit.projects().find(id).await?;
                Some(project.ok_or_else(|| Error::not_found("project", id))?.domain)
            }
            AssignmentTarget::Domain(id) => {
                let domain = unit.domains().find(id).await?;
                Some(domain.ok_or_else(|| Error::not_found("domain", id))?.id)
            }
            AssignmentTarget::System => None,
        };
        Ok(Self { user: found, role, domain, target: target.clone() })
    }

    /// Whether the caller may see who holds what here.
    pub fn readable_by(&self, caller: &Caller) -> bool {
        if self.target == AssignmentTarget::System {
            return deployment_reader(caller);
        }
        let role_fits = self.role.as_ref().is_none_or(|role| {
            role.domain.as_ref().is_none_or(|domain| visible_domain(caller) == Some(domain))
        });
        caller.is_admin()
            || system_reader(caller)
            || (role_fits && self.all_in_domain_of(caller, "reader"))
    }

    /// Whether the caller may give or take the role here.
    pub fn writable_by(&self, caller: &Caller) -> bool {
        if self.target == AssignmentTarget::System {
            return deployment_admin(caller);
        }
        let may_manage =
            self.role.as_ref().is_some_and(|role| MANAGED_ROLES.contains(&role.name.as_str()));
        caller.is_admin() || (may_manage && self.all_in_domain_of(caller, "manager"))
    }

    fn all_in_domain_of(&self, caller: &Caller, role: &str) -> bool {
        let holds = |domain: &DomainId| holds_on(caller, role, domain);
        self.user.as_ref().is_some_and(|user| holds(&user.domain))
            && self.domain.as_ref().is_some_and(holds)
    }
}
