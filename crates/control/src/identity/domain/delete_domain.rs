//! Removes a domain with all that is in it.

use crate::error::Error;
use crate::identity::policy::{deployment_admin, require};
use crate::identity::removal::{remove_assignments, remove_project, remove_user};
use crate::identity::token::TokenAuthority;
use hatchery_model::caller::Caller;
use hatchery_model::id::DomainId;
use hatchery_model::identity::AssignmentTarget;
use hatchery_ports::store::{AssignmentFilter, ProjectFilter, Store, UserFilter};
use std::sync::Arc;

/// Deletes domains.
pub struct DeleteDomain {
    pub(in crate::identity) store: Arc<dyn Store>,
    pub(in crate::identity) authority: Arc<TokenAuthority>,
}

impl DeleteDomain {
    /// `Denied` while it is enabled: a domain's users, projects, roles and assignments go with it.
    pub async fn run(&self, caller: &Caller, id: &DomainId) -> Result<(), Error> {
        require(deployment_admin(caller), "delete_domain")?;
        let mut revoking = self.authority.revoking().await;
        let mut unit = self.store.begin().await?;
        let found = unit.domains().find(id).await?;
        if found.ok_or_else(|| Error::not_found("domain", id))?.enabled {
            return Err(Error::Denied(
                "Cannot delete a domain that is enabled, please disable it first.".into(),
            ));
        }
        let users = UserFilter { domain: Some(id.clone()), name: None };
        for user in unit.users().list(&users).await? {
            remove_user(unit.as_mut(), &mut revoking, &user.id).await?;
        }
        let projects = ProjectFilter { domain: Some(id.clone()), ..ProjectFilter::default() };
        for project in unit.projects().list(&projects).await? {
            remove_project(unit.as_mut(), &mut revoking, &project.id).await?;
        }
        let on_domain = AssignmentFilter {
            target: Some(AssignmentTarget::Domain(id.clone())),
            ..AssignmentFilter::default()
        };
        remove_assignments(unit.as_mut(), &mut revoking, &on_domain).await?;
        for role in unit.roles().list().await? {
            if role.domain.as_ref() == Some(id) {
                let of_role =
                    AssignmentFilter { role: Some(role.id.clone()), ..AssignmentFilter::default() };
                remove_assignments(unit.as_mut(), &mut revoking, &of_role).await?;
                unit.roles().delete(&role.id).await?;
            }
        }
        unit.domains().delete(id).await?;
        revoking.commit(unit).await
    }
}
