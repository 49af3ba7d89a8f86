//! Changes what becomes of a server's volume when the server goes.

use super::{ServerVolumeVerbs, bound};
use crate::compute::find_server;
use crate::error::Error;
use crate::policy;
use hatchery_model::caller::Caller;
use hatchery_model::id::{ServerId, VolumeId};

impl ServerVolumeVerbs {
    /// Has the volume go with the server, or stay (2.85). Needs `member` on its project. `NotFound`, `Denied`.
    pub async fn set_delete_on_termination(
        &self,
        caller: &Caller,
        server: ServerId,
        volume: VolumeId,
        on: bool,
    ) -> Result<(), Error> {
        let mut uow = self.store.begin().await?;
        let server = find_server::find(&mut *uow, caller, server).await?;
        policy::write(caller, &server.project, "os_compute_api:os-volumes-attachments:update")?;
        let mut attachment = bound(&mut *uow, server.id, volume).await?;
        attachment.guest.delete_on_termination = on;
        uow.attachments().update(&attachment).await?;
        Ok(uow.commit().await?)
    }
}
