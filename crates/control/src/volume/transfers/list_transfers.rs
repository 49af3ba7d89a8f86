//! Shows and lists offers.

use super::{TransferVerbs, seen};
use crate::error::Error;
use crate::policy;
use hatchery_model::caller::Caller;
use hatchery_model::id::{ProjectId, TransferId, VolumeId};
use hatchery_model::page::Page;
use hatchery_model::volume::Transfer;
use hatchery_ports::store::TransferFilter;

/// Which offers. Everything that is given has to hold.
#[derive(Clone, Debug, Default)]
pub struct TransferQuery {
    /// `all_tenants`: of every project, for administrators; ignored for everybody else.
    pub all_projects: bool,
    /// With `all_projects`: of this one.
    pub project: Option<ProjectId>,
    /// Of this volume.
    pub volume: Option<VolumeId>,
    /// With exactly this name.
    pub name: Option<String>,
    /// The page.
    pub page: Page,
}

impl TransferVerbs {
    /// One offer. Needs `reader` on the project that offers. `NotFound`.
    pub async fn show(&self, caller: &Caller, id: TransferId) -> Result<Transfer, Error> {
        let mut uow = self.ports.store.read().await?;
        seen(&mut *uow, caller, id).await
    }

    /// A page of offers, newest first unless sorted. Needs `reader` on a project. `Invalid` when the page's marker is none that the caller sees.
    pub async fn list(
        &self,
        caller: &Caller,
        query: &TransferQuery,
    ) -> Result<Vec<Transfer>, Error> {
        let project = if query.all_projects && caller.is_admin() {
            query.project.clone()
        } else {
            Some(policy::reader_project(caller, "volume:get_all_transfers")?.clone())
        };
        let filter = TransferFilter { project, volume: query.volume, name: query.name.clone() };
        let mut uow = self.ports.store.read().await?;
        if let Some(marker) = &query.page.marker {
            let is_seen = match marker.parse() {
                Ok(id) => seen(&mut *uow, caller, id).await.is_ok(),
                Err(_) => false,
            };
            if !is_seen {
                return Err(Error::Invalid(format!("marker [{marker}] not found")));
            }
        }
        Ok(uow.volume_transfers().list(&filter, &query.page).await?)
    }
}
