//! Keeps new volumes away from a backend, or lets them come again.

use super::{BackendService, VolumeServiceVerbs, disabled, disabled_backends};
use crate::error::Error;
use crate::policy;
use hatchery_model::caller::Caller;

impl VolumeServiceVerbs {
    /// Disables a backend (`host@backend`) for a reason, which may be empty, or enables it. Administrators only. `NotFound`.
    pub async fn set_disabled(
        &self,
        caller: &Caller,
        host: &str,
        reason: Option<String>,
    ) -> Result<BackendService, Error> {
        policy::admin(caller, "volume_extension:services:update")?;
        let mut uow = self.store.begin().await?;
        let backends = self.read(&mut *uow).await?;
        let found = backends.into_iter().find(|backend| backend.host() == host);
        let mut backend =
            found.ok_or_else(|| Error::not_found("Service cinder-volume on host", host))?;
        let mut all = disabled_backends(&mut *uow).await?;
        match &reason {
            Some(reason) => all.insert(backend.host(), reason.clone()),
            None => all.remove(&backend.host()),
        };
        disabled::put(&mut *uow, &all).await?;
        uow.commit().await?;
        backend.disabled = reason;
        Ok(backend)
    }
}
