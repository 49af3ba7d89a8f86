//! Keeps new servers away from a host, or lets them come again.

use super::{HostStatus, HostVerbs};
use crate::error::Error;
use crate::policy;
use crate::workflow::TRIES;
use hatchery_model::caller::Caller;
use hatchery_model::id::HostId;

impl HostVerbs {
    /// Disables the host for a reason (which may be empty), or enables it. Administrators only. `NotFound`.
    pub async fn set_disabled(
        &self,
        caller: &Caller,
        id: HostId,
        reason: Option<String>,
    ) -> Result<HostStatus, Error> {
        policy::admin(caller, "os_compute_api:os-services:update")?;
        let mut tries = 0;
        loop {
            tries += 1;
            match self.try_set(id, reason.clone()).await {
                Err(Error::Conflict(_)) if tries < TRIES => {}
                ended => return ended,
            }
        }
    }

    async fn try_set(&self, id: HostId, reason: Option<String>) -> Result<HostStatus, Error> {
        let mut uow = self.store.begin().await?;
        let hosts = uow.hosts().list().await?;
        let mut host = hosts
            .into_iter()
            .find(|host| host.id == id)
            .ok_or_else(|| Error::not_found("Service", id))?;
        if host.disabled != reason {
            host.disabled = reason;
            uow.hosts().update(&host).await?;
            uow.commit().await?;
        }
        Ok(self.status(host))
    }
}
