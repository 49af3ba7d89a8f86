//! What was done to a server: the timeline. Also of a deleted one.

use super::find_server;
use crate::error::Error;
use hatchery_model::caller::Caller;
use hatchery_model::compute::Action;
use hatchery_model::id::{RequestId, ServerId};
use hatchery_model::page::Page;
use hatchery_ports::store::Store;
use std::sync::Arc;

/// `os-instance-actions`
pub struct InstanceActions {
    /// The database.
    pub store: Arc<dyn Store>,
}

impl InstanceActions {
    /// A page of a server's actions, newest first. Needs `reader` on its project. `Invalid` for an unknown marker.
    pub async fn list(
        &self,
        caller: &Caller,
        id: ServerId,
        page: &Page,
    ) -> Result<Vec<Action>, Error> {
        let mut uow = self.store.read().await?;
        find_server::find_any(&mut *uow, caller, id).await?;
        if let Some(marker) = &page.marker
            && uow.actions().find(id, &RequestId(marker.clone())).await?.is_none()
        {
            return Err(Error::Invalid(format!("marker [{marker}] not found")));
        }
        Ok(uow.actions().list(id, page).await?)
    }

    /// One action, with its events. Needs `reader` on the server's project.
    pub async fn show(
        &self,
        caller: &Caller,
        id: ServerId,
        request: &RequestId,
    ) -> Result<Action, Error> {
        let mut uow = self.store.read().await?;
        find_server::find_any(&mut *uow, caller, id).await?;
        let found = uow.actions().find(id, request).await?;
        found.ok_or_else(|| Error::not_found("Action", request))
    }
}
