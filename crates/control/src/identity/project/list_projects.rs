//! The projects that fit.

use crate::error::Error;
use crate::identity::policy::{reader_of_some_domain, require, visible_domain};
use hatchery_model::caller::Caller;
use hatchery_model::id::{DomainId, ProjectId};
use hatchery_model::identity::Project;
use hatchery_ports::store::{ProjectFilter, Store};
use std::sync::Arc;

/// Which projects.
#[derive(Clone, Debug, Default)]
pub struct ProjectQuery {
    /// In this domain.
    pub domain: Option<DomainId>,
    /// With exactly this name.
    pub name: Option<String>,
    /// Directly below this project.
    pub parent: Option<ProjectId>,
    /// Enabled ones or the others.
    pub enabled: Option<bool>,
    /// By their tags.
    pub tags: TagQuery,
}

/// Which tags. Empty lists ask for nothing.
#[derive(Clone, Debug, Default)]
pub struct TagQuery {
    /// All of these.
    pub all: Vec<String>,
    /// At least one of these.
    pub any: Vec<String>,
    /// Not all of these.
    pub not_all: Vec<String>,
    /// None of these.
    pub not_any: Vec<String>,
}

impl TagQuery {
    fn fits(&self, tags: &[String]) -> bool {
        let all = |wanted: &[String]| wanted.iter().all(|tag| tags.contains(tag));
        let any = |wanted: &[String]| wanted.iter().any(|tag| tags.contains(tag));
        all(&self.all)
            && (self.any.is_empty() || any(&self.any))
            && (self.not_all.is_empty() || !all(&self.not_all))
            && !any(&self.not_any)
    }
}

/// Lists projects.
pub struct ListProjects {
    pub(in crate::identity) store: Arc<dyn Store>,
}

impl ListProjects {
    /// By name. A caller whose token is for a domain sees those of that domain only.
    pub async fn run(&self, caller: &Caller, query: &ProjectQuery) -> Result<Vec<Project>, Error> {
        require(reader_of_some_domain(caller), "list_projects")?;
        // Keystone counts a domain as the parent of its topmost projects.
        let filter =
            ProjectFilter { domain: query.domain.clone(), name: query.name.clone(), parent: None };
        let mut projects = self.store.read().await?.projects().list(&filter).await?;
        projects.retain(|project| {
            visible_domain(caller).is_none_or(|visible| visible == &project.domain)
                && query.enabled.is_none_or(|enabled| enabled == project.enabled)
                && query.parent.as_ref().is_none_or(|wanted| {
                    let parent =
                        project.parent.as_ref().map_or(project.domain.as_str(), |p| p.as_str());
                    wanted.as_str() == parent
                })
                && query.tags.fits(&project.tags)
        });
        Ok(projects)
    }
}

#[cfg(test)]
mod tests {
    use super::TagQuery;

    #[test]
    fn tags_are_asked_for_in_four_ways() {
        let list = |text: &str| text.split_terminator(',').map(str::to_owned).collect::<Vec<_>>();
        let fits = |all, any, not_all, not_any| {
            let query = TagQuery {
                all: list(all),
                any: list(any),
                not_all: list(not_all),
                not_any: list(not_any),
            };
            query.fits(&list("a,b"))
        };
        assert!(fits("", "", "", ""));
        assert!(fits("a,b", "", "", "") && !fits("a,c", "", "", ""));
        assert!(fits("", "a,c", "", "") && !fits("", "c", "", ""));
        assert!(fits("", "", "a,c", "") && !fits("", "", "a,b", ""));
        assert!(fits("", "", "", "c") && !fits("", "", "", "a,c"));
    }
}
