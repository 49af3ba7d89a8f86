//! Shows and lists the volumes of a server.

use super::{ServerVolumeVerbs, bound, shown};
use crate::compute::find_server;
use crate::error::Error;
use hatchery_model::caller::Caller;
use hatchery_model::id::{ServerId, VolumeId};
use hatchery_model::volume::Attachment;

impl ServerVolumeVerbs {
    /// The volumes of a server, in the order in which they came. Needs `reader` on its project. `NotFound`.
    pub async fn list(&self, caller: &Caller, server: ServerId) -> Result<Vec<Attachment>, Error> {
        let mut uow = self.store.read().await?;
        find_server::find(&mut *uow, caller, server).await?;
        Ok(shown(uow.attachments().list(None, None, Some(server)).await?))
    }

    /// One volume of a server. Needs `reader` on its project. `NotFound` also when the server does not have it.
    pub async fn find(
        &self,
        caller: &Caller,
        server: ServerId,
        volume: VolumeId,
    ) -> Result<Attachment, Error> {
        let mut uow = self.store.read().await?;
        find_server::find(&mut *uow, caller, server).await?;
        bound(&mut *uow, server, volume).await
    }
}
