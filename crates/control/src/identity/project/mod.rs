//! Projects.

mod create_project;
mod delete_project;
mod list_projects;
mod list_user_scopes;
mod show_project;
mod update_project;

pub use create_project::{CreateProject, NewProject};
pub use delete_project::DeleteProject;
pub use list_projects::{ListProjects, ProjectQuery, TagQuery};
pub use list_user_scopes::{ListUserScopes, UserScopes};
pub use show_project::ShowProject;
pub use update_project::{ProjectChange, UpdateProject};

use crate::error::Error;
use crate::identity::policy::manager_of;
use hatchery_model::caller::Caller;
use hatchery_model::id::ProjectId;
use hatchery_model::identity::Project;
use hatchery_ports::store::UnitOfWork;

/// Projects below each other, at the most: Keystone's `max_project_tree_depth`.
const MAX_DEPTH: usize = 5;

/// What a name that is taken is answered with.
fn name_taken(project: &Project) -> String {
    format!(
        "Conflict occurred attempting to store project - it is not permitted to have two projects with either the same name \
         or same id in the same domain: name is {}, project id {}.",
        project.name, project.id
    )
}

/// Whether the caller may change the project, or could if it were there.
fn manager_of_found(caller: &Caller, found: Option<&Project>) -> bool {
    caller.is_admin() || found.is_some_and(|project| manager_of(caller, &project.domain))
}

/// The projects above this one, nearest first; never more than the depth allowed.
async fn ancestors(
    unit: &mut dyn UnitOfWork,
    parent: Option<ProjectId>,
) -> Result<Vec<Project>, Error> {
    let mut found = Vec::new();
    let mut next = parent;
    while let Some(id) = next {
        if found.len() > MAX_DEPTH {
            break;
        }
        let project = unit.projects().find(&id).await?;
        let project = project.ok_or_else(|| Error::not_found("project", &id))?;
        next = project.parent.clone();
        found.push(project);
    }
    Ok(found)
}
