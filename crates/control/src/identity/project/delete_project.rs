//! Removes a project.

use super::manager_of_found;
use crate::error::Error;
use crate::identity::policy::require;
use crate::identity::removal::remove_project;
use crate::identity::token::TokenAuthority;
use hatchery_model::caller::Caller;
use hatchery_model::id::ProjectId;
use hatchery_ports::store::{ProjectFilter, Store};
use std::sync::Arc;

/// Deletes projects.
pub struct DeleteProject {
    pub(in crate::identity) store: Arc<dyn Store>,
    pub(in crate::identity) authority: Arc<TokenAuthority>,
}

impl DeleteProject {
    /// Removes it with its assignments and tokens, not with what other services keep for it (as in OpenStack). `Denied` while there
    /// are projects below it.
    pub async fn run(&self, caller: &Caller, id: &ProjectId) -> Result<(), Error> {
        let mut revoking = self.authority.revoking().await;
        let mut unit = self.store.begin().await?;
        let found = unit.projects().find(id).await?;
        require(manager_of_found(caller, found.as_ref()), "delete_project")?;
        if found.is_none() {
            return Err(Error::not_found("project", id));
        }
        let below = ProjectFilter { parent: Some(id.clone()), ..ProjectFilter::default() };
        if !unit.projects().list(&below).await?.is_empty() {
            return Err(Error::Denied(format!(
                "Cannot delete the project {id} since it is not a leaf in the hierarchy. Use the cascade option if you want \
                 to delete a whole subtree."
            )));
        }
        remove_project(unit.as_mut(), &mut revoking, id).await?;
        revoking.commit(unit).await
    }
}
