//! One project.

use crate::error::Error;
use crate::identity::policy::{reader_of, require, system_reader};
use hatchery_model::caller::Caller;
use hatchery_model::id::ProjectId;
use hatchery_model::identity::Project;
use hatchery_ports::store::Store;
use std::sync::Arc;

/// Shows a project.
pub struct ShowProject {
    pub(in crate::identity) store: Arc<dyn Store>,
}

impl ShowProject {
    /// For administrators, readers of the system or of its domain, and everyone whose token is for it.
    pub async fn run(&self, caller: &Caller, id: &ProjectId) -> Result<Project, Error> {
        let found = self.store.read().await?.projects().find(id).await?;
        let may = caller.is_admin()
            || system_reader(caller)
            || found.as_ref().is_some_and(|project| {
                reader_of(caller, &project.domain) || caller.project() == Some(&project.id)
            });
        require(may, "get_project")?;
        found.ok_or_else(|| Error::not_found("project", id))
    }
}
