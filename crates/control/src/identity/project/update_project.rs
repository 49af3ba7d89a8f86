//! Changes a project.

use super::{ancestors, manager_of_found, name_taken};
use crate::error::Error;
use crate::identity::conflict::or_taken;
use crate::identity::policy::require;
use crate::identity::token::TokenAuthority;
use hatchery_model::caller::Caller;
use hatchery_model::id::{DomainId, ProjectId};
use hatchery_model::identity::{Project, RevocationSubject};
use hatchery_ports::store::{ProjectFilter, Store, UnitOfWork};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What is to be different.
#[derive(Clone, Debug, Default)]
pub struct ProjectChange {
    /// Its name.
    pub name: Option<String>,
    /// Its description.
    pub description: Option<String>,
    /// Whether it gives tokens.
    pub enabled: Option<bool>,
    /// All its labels.
    pub tags: Option<Vec<String>>,
    /// Whatever else was sent: added to what there is.
    pub extra: BTreeMap<String, Value>,
    /// Its domain, which must be the one it has.
    pub domain: Option<DomainId>,
    /// Its parent, which must be the one it has.
    pub parent: Option<ProjectId>,
}

/// Updates projects.
pub struct UpdateProject {
    pub(in crate::identity) store: Arc<dyn Store>,
    pub(in crate::identity) authority: Arc<TokenAuthority>,
}

impl UpdateProject {
    /// The project as it is then. Disabling it takes back the tokens for it; `Denied` while projects below it are enabled, and for
    /// enabling it while one above is not.
    pub async fn run(
        &self,
        caller: &Caller,
        id: &ProjectId,
        change: ProjectChange,
    ) -> Result<Project, Error> {
        let mut revoking = self.authority.revoking().await;
        let mut unit = self.store.begin().await?;
        let found = unit.projects().find(id).await?;
        require(manager_of_found(caller, found.as_ref()), "update_project")?;
        let before = found.ok_or_else(|| Error::not_found("project", id))?;
        check_fixed(&before, &change)?;
        let mut after = before.clone();
        after.name = change.name.unwrap_or(after.name);
        after.description = change.description.unwrap_or(after.description);
        after.enabled = change.enabled.unwrap_or(after.enabled);
        after.tags = change.tags.unwrap_or(after.tags);
        after.extra.extend(change.extra);
        match (before.enabled, after.enabled) {
            (true, false) => {
                check_below(unit.as_mut(), id).await?;
                revoking.revoke(RevocationSubject::Project(id.clone()));
            }
            (false, true) => check_above(unit.as_mut(), &before).await?,
            (true, true) | (false, false) => {}
        }
        or_taken(unit.projects().update(&after).await, || name_taken(&after))?;
        revoking.commit(unit).await?;
        Ok(after)
    }
}

fn check_fixed(before: &Project, change: &ProjectChange) -> Result<(), Error> {
    if change.domain.as_ref().is_some_and(|domain| domain != &before.domain) {
        return Err(Error::Invalid("Cannot change Domain ID".into()));
    }
    let parent = before.parent.as_ref().map_or(before.domain.as_str(), |parent| parent.as_str());
    if change.parent.as_ref().is_some_and(|wanted| wanted.as_str() != parent) {
        return Err(Error::Denied("Update of `parent_id` is not allowed.".into()));
    }
    Ok(())
}

/// All below it must be disabled already; those below a disabled one are.
async fn check_below(unit: &mut dyn UnitOfWork, id: &ProjectId) -> Result<(), Error> {
    let below = ProjectFilter { parent: Some(id.clone()), ..ProjectFilter::default() };
    if unit.projects().list(&below).await?.iter().any(|project| project.enabled) {
        return Err(Error::Denied(format!(
            "Cannot disable project {id} since its subtree contains enabled projects."
        )));
    }
    Ok(())
}

async fn check_above(unit: &mut dyn UnitOfWork, project: &Project) -> Result<(), Error> {
    let above = ancestors(unit, project.parent.clone()).await?;
    if above.iter().any(|project| !project.enabled) {
        return Err(Error::Denied(format!(
            "Cannot enable project {} since it has disabled parents",
            project.id
        )));
    }
    Ok(())
}
