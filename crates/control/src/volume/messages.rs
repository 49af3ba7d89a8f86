//! What users are told of what could not be done: lists, shows and removes it.

use crate::error::Error;
use crate::policy;
use hatchery_model::caller::Caller;
use hatchery_model::id::VolumeMessageId;
use hatchery_model::volume::VolumeMessage;
use hatchery_ports::store::{Store, UnitOfWork};
use std::sync::Arc;

/// What Cinder calls it in its sentences.
const KIND: &str = "Message";

/// `/messages`
#[derive(Clone)]
pub struct MessageVerbs {
    /// The database.
    pub store: Arc<dyn Store>,
}

impl MessageVerbs {
    /// Those of the caller's project, newest first.
    pub async fn list(&self, caller: &Caller) -> Result<Vec<VolumeMessage>, Error> {
        let project = policy::reader_project(caller, "message:get_all")?;
        let mut uow = self.store.read().await?;
        Ok(uow.volume_messages().list(Some(project)).await?)
    }

    /// One. `NotFound`.
    pub async fn show(&self, caller: &Caller, id: VolumeMessageId) -> Result<VolumeMessage, Error> {
        let mut uow = self.store.read().await?;
        find(&mut *uow, caller, id).await
    }

    /// Removes one. `NotFound`.
    pub async fn delete(&self, caller: &Caller, id: VolumeMessageId) -> Result<(), Error> {
        let mut uow = self.store.begin().await?;
        let message = find(&mut *uow, caller, id).await?;
        policy::write(caller, &message.project, "message:delete")?;
        uow.volume_messages().delete(id).await?;
        Ok(uow.commit().await?)
    }
}

async fn find(
    uow: &mut dyn UnitOfWork,
    caller: &Caller,
    id: VolumeMessageId,
) -> Result<VolumeMessage, Error> {
    let found = uow.volume_messages().find(id).await?;
    found
        .filter(|message| policy::may_read(caller, &message.project))
        .ok_or_else(|| Error::not_found(KIND, id))
}
