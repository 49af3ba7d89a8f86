//! Scopes: as asked for, and as found.

use crate::error::Error;
use crate::identity::reference::{DomainRef, ProjectRef, enabled_domain, enabled_project};
use hatchery_model::caller::Scope;
use hatchery_model::identity::{AssignmentTarget, Domain, Project};
use hatchery_ports::store::UnitOfWork;

/// The scope that a login asks for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum WantedScope {
    /// The user's default project, if it has one and may use it; else none.
    Default,
    /// None, explicitly.
    Unscoped,
    /// A project.
    Project(ProjectRef),
    /// A domain.
    Domain(DomainRef),
    /// The whole deployment.
    System,
}

/// A scope with all that is shown of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum FoundScope {
    /// None.
    Unscoped,
    /// A project and its domain.
    Project(Project, Domain),
    /// A domain.
    Domain(Domain),
    /// The whole deployment.
    System,
}

impl FoundScope {
    /// What stands in a token.
    pub fn claim(&self) -> Scope {
        match self {
            Self::Unscoped => Scope::Unscoped,
            Self::Project(project, domain) => {
                Scope::Project { id: project.id.clone(), domain: domain.id.clone() }
            }
            Self::Domain(domain) => Scope::Domain(domain.id.clone()),
            Self::System => Scope::System,
        }
    }

    /// What roles for it are held on.
    pub(super) fn target(&self) -> Option<AssignmentTarget> {
        match self {
            Self::Unscoped => None,
            Self::Project(project, _) => Some(AssignmentTarget::Project(project.id.clone())),
            Self::Domain(domain) => Some(AssignmentTarget::Domain(domain.id.clone())),
            Self::System => Some(AssignmentTarget::System),
        }
    }

    /// The scope of a token, if all of it is still there and enabled.
    pub(super) async fn of_claim(
        unit: &mut dyn UnitOfWork,
        scope: &Scope,
    ) -> Result<Option<Self>, Error> {
        let wanted = match scope {
            Scope::Unscoped => WantedScope::Unscoped,
            Scope::Project { id, .. } => WantedScope::Project(ProjectRef::Id(id.clone())),
            Scope::Domain(id) => WantedScope::Domain(DomainRef::Id(id.clone())),
            Scope::System => WantedScope::System,
        };
        Self::of(unit, &wanted).await
    }

    /// What is asked for, if all of it is there and enabled. `Default` counts as unscoped: it needs the user.
    pub(super) async fn of(
        unit: &mut dyn UnitOfWork,
        wanted: &WantedScope,
    ) -> Result<Option<Self>, Error> {
        Ok(match wanted {
            WantedScope::Default | WantedScope::Unscoped => Some(Self::Unscoped),
            WantedScope::Project(project) => enabled_project(unit, project)
                .await?
                .map(|(project, domain)| Self::Project(project, domain)),
            WantedScope::Domain(domain) => enabled_domain(unit, domain).await?.map(Self::Domain),
            WantedScope::System => Some(Self::System),
        })
    }
}
