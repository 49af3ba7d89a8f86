//! A new project.

use super::{MAX_DEPTH, ancestors, name_taken};
use crate::error::Error;
use crate::identity::conflict::or_taken;
use crate::identity::policy::{domain_for_new, manager_of, require};
use hatchery_model::caller::Caller;
use hatchery_model::id::{DomainId, ProjectId};
use hatchery_model::identity::Project;
use hatchery_ports::entropy::{Entropy, random_uuid};
use hatchery_ports::store::{Store, UnitOfWork};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What it is to be.
#[derive(Clone, Debug)]
pub struct NewProject {
    /// Its name.
    pub name: String,
    /// Its domain; `None`: the caller's, or the default one.
    pub domain: Option<DomainId>,
    /// The project above it, or the id of its domain.
    pub parent: Option<ProjectId>,
    /// Free text.
    pub description: String,
    /// Whether it gives tokens.
    pub enabled: bool,
    /// Free labels.
    pub tags: Vec<String>,
    /// Whatever else was sent.
    pub extra: BTreeMap<String, Value>,
}

/// Makes projects.
pub struct CreateProject {
    pub(in crate::identity) store: Arc<dyn Store>,
    pub(in crate::identity) entropy: Arc<dyn Entropy>,
}

impl CreateProject {
    /// `Invalid` for a domain or parent that is not there or does not fit, `Denied` for one too deep, `Conflict` when the name is
    /// taken.
    pub async fn run(&self, caller: &Caller, new: NewProject) -> Result<Project, Error> {
        let named = new.domain.clone();
        let may = match &named {
            Some(domain) => manager_of(caller, domain),
            None => caller.is_admin(),
        };
        require(may, "create_project")?;
        let domain = named.unwrap_or_else(|| domain_for_new(caller));
        let mut unit = self.store.begin().await?;
        let parent = new.parent.filter(|parent| parent.as_str() != domain.as_str());
        check_place(unit.as_mut(), &domain, parent.as_ref()).await?;
        let project = Project {
            id: ProjectId::from(random_uuid(self.entropy.as_ref())),
            name: new.name,
            domain,
            parent,
            description: new.description,
            enabled: new.enabled,
            tags: new.tags,
            extra: new.extra,
        };
        or_taken(unit.projects().insert(&project).await, || name_taken(&project))?;
        unit.commit().await?;
        Ok(project)
    }
}

/// Whether a project may be made there.
async fn check_place(
    unit: &mut dyn UnitOfWork,
    domain: &DomainId,
    parent: Option<&ProjectId>,
) -> Result<(), Error> {
    if unit.domains().find(domain).await?.is_none() {
        return Err(Error::Invalid(format!("Could not find domain: {domain}.")));
    }
    let above = match ancestors(unit, parent.cloned()).await {
        Err(missing @ Error::NotFound { .. }) => {
            tracing::debug!(error = %missing, "the parent of a new project is not there");
            let parent = parent.map_or("", ProjectId::as_str);
            return Err(Error::Invalid(format!("Could not find project: {parent}.")));
        }
        other => other?,
    };
    if let Some(other) = above.iter().find(|project| &project.domain != domain) {
        return Err(Error::Invalid(format!(
            "Cannot create project, since it specifies its domain_id {domain}, but specifies a parent in a different domain \
             ({}).",
            other.domain
        )));
    }
    if let Some(disabled) = above.iter().find(|project| !project.enabled) {
        return Err(Error::Invalid(format!(
            "cannot create a project in a branch containing a disabled project: {}",
            disabled.id
        )));
    }
    if above.len() >= MAX_DEPTH {
        return Err(Error::Denied(format!(
            "Max hierarchy depth reached for {} branch.",
            parent.map_or("", ProjectId::as_str)
        )));
    }
    Ok(())
}
