//! All assignments that fit, as given or with what they imply.

use crate::error::Error;
use crate::identity::policy::{reader_of_some_domain, require, visible_domain};
use crate::identity::role::RoleGraph;
use hatchery_model::caller::Caller;
use hatchery_model::id::{DomainId, ProjectId, RoleId, UserId};
use hatchery_model::identity::{Assignment, AssignmentTarget, Domain, Project, Role, User};
use hatchery_ports::store::{AssignmentFilter, ProjectFilter, Store, UnitOfWork, UserFilter};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Which assignments.
#[derive(Clone, Debug, Default)]
pub struct AssignmentQuery {
    /// Held by this user.
    pub user: Option<UserId>,
    /// Of this role.
    pub role: Option<RoleId>,
    /// On this target.
    pub target: Option<AssignmentTarget>,
    /// With those that others imply.
    pub effective: bool,
    /// With the names of everything.
    pub names: bool,
}

/// An assignment, and where it comes from.
#[derive(Clone, Debug)]
pub struct AssignmentDetail {
    /// Who holds what on what.
    pub assignment: Assignment,
    /// The role that implies it, for one that was not given itself.
    pub prior: Option<RoleId>,
    /// The names, if they were asked for.
    pub names: Option<AssignmentNames>,
}

/// What an assignment's parts are called.
#[derive(Clone, Debug)]
pub struct AssignmentNames {
    /// The user, and its domain.
    pub user: (User, Domain),
    /// The role, and its domain if it has one.
    pub role: (Role, Option<Domain>),
    /// The target, if it is a project.
    pub project: Option<(Project, Domain)>,
    /// The target, if it is a domain.
    pub domain: Option<Domain>,
}

/// Lists assignments.
pub struct ListAssignments {
    pub(in crate::identity) store: Arc<dyn Store>,
}

impl ListAssignments {
    /// In the order of user, role, target. A caller whose token is for a domain sees those on it and on its projects only.
    pub async fn run(
        &self,
        caller: &Caller,
        query: &AssignmentQuery,
    ) -> Result<Vec<AssignmentDetail>, Error> {
        require(reader_of_some_domain(caller), "list_role_assignments")?;
        let mut unit = self.store.read().await?;
        let graph = RoleGraph::load(unit.as_mut()).await?;
        let filter = AssignmentFilter {
            user: query.user.clone(),
            role: query.role.clone().filter(|_| !query.effective),
            target: query.target.clone(),
        };
        let given = unit.assignments().list(&filter).await?;
        let mut found: Vec<(Assignment, Option<RoleId>)> = match query.effective {
            true => with_implied(given, &graph),
            false => given.into_iter().map(|given| (given, None)).collect(),
        };
        found.retain(|(assignment, _)| {
            query.role.as_ref().is_none_or(|role| role == &assignment.role)
        });
        if let Some(visible) = visible_domain(caller) {
            let projects = projects_of(unit.as_mut(), visible).await?;
            found.retain(|(assignment, _)| match &assignment.target {
                AssignmentTarget::Project(id) => projects.contains(id),
                AssignmentTarget::Domain(id) => id == visible,
                AssignmentTarget::System => false,
            });
        }
        let table = match query.names {
            true => Some(NameTable::load(unit.as_mut()).await?),
            false => None,
        };
        Ok(found
            .into_iter()
            .filter_map(|(assignment, prior)| {
                let names = match &table {
                    // A row about something that is gone has no names: not shown.
                    Some(table) => Some(table.names_of(&assignment, &graph)?),
                    None => None,
                };
                Some(AssignmentDetail { assignment, prior, names })
            })
            .collect())
    }
}

/// Each assignment once, with the role that implies it if it was not given itself.
fn with_implied(given: Vec<Assignment>, graph: &RoleGraph) -> Vec<(Assignment, Option<RoleId>)> {
    let mut all: BTreeMap<Assignment, Option<RoleId>> = BTreeMap::new();
    for assignment in given {
        for (role, prior) in graph.reached_from(&assignment.role) {
            let reached = Assignment { role, ..assignment.clone() };
            match prior {
                None => all.insert(reached, None),
                Some(prior) => {
                    all.insert(reached.clone(), all.get(&reached).cloned().unwrap_or(Some(prior)))
                }
            };
        }
    }
    all.into_iter().collect()
}

async fn projects_of(
    unit: &mut dyn UnitOfWork,
    domain: &DomainId,
) -> Result<BTreeSet<ProjectId>, Error> {
    let filter = ProjectFilter { domain: Some(domain.clone()), ..ProjectFilter::default() };
    let projects = unit.projects().list(&filter).await?;
    Ok(projects.into_iter().map(|project| project.id).collect())
}

/// All nouns that assignments name.
struct NameTable {
    users: BTreeMap<UserId, User>,
    projects: BTreeMap<ProjectId, Project>,
    domains: BTreeMap<DomainId, Domain>,
}

impl NameTable {
    async fn load(unit: &mut dyn UnitOfWork) -> Result<Self, Error> {
        let users = unit.users().list(&UserFilter::default()).await?;
        let projects = unit.projects().list(&ProjectFilter::default()).await?;
        let domains = unit.domains().list().await?;
        Ok(Self {
            users: users.into_iter().map(|user| (user.id.clone(), user)).collect(),
            projects: projects.into_iter().map(|project| (project.id.clone(), project)).collect(),
            domains: domains.into_iter().map(|domain| (domain.id.clone(), domain)).collect(),
        })
    }

    fn names_of(&self, assignment: &Assignment, graph: &RoleGraph) -> Option<AssignmentNames> {
        let user = self.users.get(&assignment.user)?;
        let role = graph.role(&assignment.role)?;
        let project = match &assignment.target {
            AssignmentTarget::Project(id) => {
                let project = self.projects.get(id)?;
                Some((project.clone(), self.domains.get(&project.domain)?.clone()))
            }
            AssignmentTarget::Domain(_) | AssignmentTarget::System => None,
        };
        let domain = match &assignment.target {
            AssignmentTarget::Domain(id) => Some(self.domains.get(id)?.clone()),
            AssignmentTarget::Project(_) | AssignmentTarget::System => None,
        };
        Some(AssignmentNames {
            user: (user.clone(), self.domains.get(&user.domain)?.clone()),
            role: (role.clone(), role.domain.as_ref().and_then(|id| self.domains.get(id)).cloned()),
            project,
            domain,
        })
    }
}
