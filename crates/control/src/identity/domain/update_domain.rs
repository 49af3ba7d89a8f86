//! Changes a domain.

use super::name_taken;
use crate::error::Error;
use crate::identity::conflict::or_taken;
use crate::identity::policy::{deployment_admin, require};
use crate::identity::removal::revoke_assignment;
use crate::identity::token::{Revoking, TokenAuthority};
use hatchery_model::caller::Caller;
use hatchery_model::id::DomainId;
use hatchery_model::identity::{AssignmentTarget, Domain, RevocationSubject};
use hatchery_ports::store::{AssignmentFilter, ProjectFilter, Store, UnitOfWork, UserFilter};
use std::sync::Arc;

/// What is to be different.
#[derive(Clone, Debug, Default)]
pub struct DomainChange {
    /// Its name.
    pub name: Option<String>,
    /// Its description.
    pub description: Option<String>,
    /// Whether it gives tokens.
    pub enabled: Option<bool>,
}

/// Updates domains.
pub struct UpdateDomain {
    pub(in crate::identity) store: Arc<dyn Store>,
    pub(in crate::identity) authority: Arc<TokenAuthority>,
}

impl UpdateDomain {
    /// The domain as it is then. Disabling it takes back the tokens of its users, for its projects and for itself.
    pub async fn run(
        &self,
        caller: &Caller,
        id: &DomainId,
        change: DomainChange,
    ) -> Result<Domain, Error> {
        require(deployment_admin(caller), "update_domain")?;
        let mut revoking = self.authority.revoking().await;
        let mut unit = self.store.begin().await?;
        let found = unit.domains().find(id).await?;
        let before = found.ok_or_else(|| Error::not_found("domain", id))?;
        let after = Domain {
            id: before.id.clone(),
            name: change.name.unwrap_or(before.name),
            description: change.description.unwrap_or(before.description),
            enabled: change.enabled.unwrap_or(before.enabled),
        };
        or_taken(unit.domains().update(&after).await, || name_taken(&after.name))?;
        if before.enabled && !after.enabled {
            revoke_all(unit.as_mut(), &mut revoking, id).await?;
        }
        revoking.commit(unit).await?;
        Ok(after)
    }
}

async fn revoke_all(
    unit: &mut dyn UnitOfWork,
    revoking: &mut Revoking<'_>,
    id: &DomainId,
) -> Result<(), Error> {
    let users = UserFilter { domain: Some(id.clone()), name: None };
    for user in unit.users().list(&users).await? {
        revoking.revoke(RevocationSubject::User(user.id));
    }
    let projects = ProjectFilter { domain: Some(id.clone()), ..ProjectFilter::default() };
    for project in unit.projects().list(&projects).await? {
        revoking.revoke(RevocationSubject::Project(project.id));
    }
    let holders = AssignmentFilter {
        target: Some(AssignmentTarget::Domain(id.clone())),
        ..AssignmentFilter::default()
    };
    for assignment in unit.assignments().list(&holders).await? {
        revoke_assignment(revoking, &assignment);
    }
    Ok(())
}
