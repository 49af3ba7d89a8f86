//! Domains, users and projects as a login names them: by id, or by name.

use crate::error::Error;
use hatchery_model::id::{DomainId, ProjectId, UserId};
use hatchery_model::identity::{Domain, Project, User};
use hatchery_ports::store::UnitOfWork;

/// A domain.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum DomainRef {
    /// By id.
    Id(DomainId),
    /// By name.
    Name(String),
}

/// A user.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum UserRef {
    /// By id.
    Id(UserId),
    /// By name in a domain.
    Name(String, DomainRef),
}

/// A project.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ProjectRef {
    /// By id.
    Id(ProjectId),
    /// By name in a domain.
    Name(String, DomainRef),
}

/// The domain, if it is there and enabled.
pub(super) async fn enabled_domain(
    unit: &mut dyn UnitOfWork,
    wanted: &DomainRef,
) -> Result<Option<Domain>, Error> {
    let domain = match wanted {
        DomainRef::Id(id) => unit.domains().find(id).await?,
        DomainRef::Name(name) => unit.domains().find_by_name(name).await?,
    };
    Ok(domain.filter(|domain| domain.enabled))
}

/// The user with its domain, if both are there and enabled.
pub(super) async fn enabled_user(
    unit: &mut dyn UnitOfWork,
    wanted: &UserRef,
) -> Result<Option<(User, Domain)>, Error> {
    let user = match wanted {
        UserRef::Id(id) => unit.users().find(id).await?,
        UserRef::Name(name, domain) => match enabled_domain(unit, domain).await? {
            Some(domain) => unit.users().find_by_name(&domain.id, name).await?,
            None => None,
        },
    };
    let Some(user) = user.filter(|user| user.enabled) else {
        return Ok(None);
    };
    let domain = enabled_domain(unit, &DomainRef::Id(user.domain.clone())).await?;
    Ok(domain.map(|domain| (user, domain)))
}

/// The project with its domain, if both are there and enabled.
pub(super) async fn enabled_project(
    unit: &mut dyn UnitOfWork,
    wanted: &ProjectRef,
) -> Result<Option<(Project, Domain)>, Error> {
    let project = match wanted {
        ProjectRef::Id(id) => unit.projects().find(id).await?,
        ProjectRef::Name(name, domain) => match enabled_domain(unit, domain).await? {
            Some(domain) => unit.projects().find_by_name(&domain.id, name).await?,
            None => None,
        },
    };
    let Some(project) = project.filter(|project| project.enabled) else {
        return Ok(None);
    };
    let domain = enabled_domain(unit, &DomainRef::Id(project.domain.clone())).await?;
    Ok(domain.map(|domain| (project, domain)))
}
