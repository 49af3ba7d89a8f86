//! What a user holds roles on: the scopes that it can ask a token for.

use crate::error::Error;
use crate::identity::policy::{reader_of, require, system_reader};
use hatchery_model::caller::Caller;
use hatchery_model::id::UserId;
use hatchery_model::identity::{AssignmentTarget, Domain, Project};
use hatchery_ports::store::{AssignmentFilter, Store, UnitOfWork};
use std::sync::Arc;

/// The scopes of a user, each once.
#[derive(Clone, Debug, Default)]
pub struct UserScopes {
    /// Projects, by name.
    pub projects: Vec<Project>,
    /// Domains, by name.
    pub domains: Vec<Domain>,
    /// The whole deployment.
    pub system: bool,
}

/// Lists a user's scopes.
pub struct ListUserScopes {
    pub(in crate::identity) store: Arc<dyn Store>,
}

impl ListUserScopes {
    /// The caller's own.
    pub async fn own(&self, caller: &Caller) -> Result<UserScopes, Error> {
        let mut unit = self.store.read().await?;
        scopes_of(unit.as_mut(), &caller.user).await
    }

    /// A user's, for itself, administrators, and readers of the system or of its domain.
    pub async fn run(&self, caller: &Caller, id: &UserId) -> Result<UserScopes, Error> {
        let mut unit = self.store.read().await?;
        let found = unit.users().find(id).await?;
        let may = caller.is_admin()
            || system_reader(caller)
            || found
                .as_ref()
                .is_some_and(|user| user.id == caller.user || reader_of(caller, &user.domain));
        require(may, "list_user_projects")?;
        if found.is_none() {
            return Err(Error::not_found("user", id));
        }
        scopes_of(unit.as_mut(), id).await
    }
}

async fn scopes_of(unit: &mut dyn UnitOfWork, user: &UserId) -> Result<UserScopes, Error> {
    let filter = AssignmentFilter { user: Some(user.clone()), ..AssignmentFilter::default() };
    let mut targets: Vec<AssignmentTarget> = unit
        .assignments()
        .list(&filter)
        .await?
        .into_iter()
        .map(|assignment| assignment.target)
        .collect();
    targets.sort();
    targets.dedup();
    let mut scopes = UserScopes::default();
    for target in targets {
        match target {
            AssignmentTarget::Project(id) => {
                scopes.projects.extend(unit.projects().find(&id).await?);
            }
            AssignmentTarget::Domain(id) => scopes.domains.extend(unit.domains().find(&id).await?),
            AssignmentTarget::System => scopes.system = true,
        }
    }
    scopes.projects.sort_by(|a, b| a.name.cmp(&b.name));
    scopes.domains.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(scopes)
}
