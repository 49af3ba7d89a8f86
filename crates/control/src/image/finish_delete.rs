//! The step of the delete task: bytes first, then the hosts are told, then the row goes. May be repeated at any point, also by two at once.

use super::upload_image::is_attempt_of;
use crate::error::Error;
use crate::pool::BaseLinks;
use crate::workflow::{Step, Wake};
use async_trait::async_trait;
use hatchery_model::id::{ImageId, MessageId, RequestId};
use hatchery_model::image::ImageState;
use hatchery_model::message::{Address, Body, Command, Envelope};
use hatchery_model::task::{Task, Work};
use hatchery_model::timestamp::Timestamp;
use hatchery_ports::clock::Clock;
use hatchery_ports::entropy::{Entropy, random_uuid};
use hatchery_ports::image_store::ImageStore;
use hatchery_ports::store::Store;
use std::sync::Arc;

/// [`finish_delete`] as the task runner runs it.
pub struct DeleteImage {
    /// The database.
    pub store: Arc<dyn Store>,
    /// The bytes.
    pub bytes: Arc<dyn ImageStore>,
    /// Time of day.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
    /// Wakes whoever sends the outbox.
    pub outbox: Wake,
    /// The images' bases.
    pub links: BaseLinks,
}

#[async_trait]
impl Step for DeleteImage {
    async fn run(&self, task: &Task) -> Result<(), Error> {
        let Work::DeleteImage(image) = task.work else {
            return Ok(());
        };
        let now = self.clock.now();
        let (store, bytes, entropy) = (&*self.store, &*self.bytes, &*self.entropy);
        let ground = DeleteGround { store, bytes, entropy, links: &self.links };
        finish_delete(ground, now, image, &task.request).await?;
        self.outbox.wake();
        Ok(())
    }
}

/// What a deletion stands on.
#[derive(Clone, Copy)]
pub struct DeleteGround<'a> {
    /// The database.
    pub store: &'a dyn Store,
    /// The bytes.
    pub bytes: &'a dyn ImageStore,
    /// Randomness.
    pub entropy: &'a dyn Entropy,
    /// The images' bases.
    pub links: &'a BaseLinks,
}

/// Removes the bytes of an image that is being deleted, tells every host to let its base go, and removes row and task. `Ok` when nothing of
/// it is left, also when there was nothing. After an error it is to be called again.
///
/// An upload may still be on its way. Its attempt is discarded here, before the row goes, so that it has nothing to publish under a
/// name that could have a new owner by then.
pub async fn finish_delete(
    ground: DeleteGround<'_>,
    now: Timestamp,
    image: ImageId,
    request: &RequestId,
) -> Result<(), Error> {
    let DeleteGround { store, bytes, entropy, links } = ground;
    if is_going(store, image).await? {
        links.before_delete(store, image).await?;
        let (_, attempts) = bytes.list().await?;
        for attempt in attempts.iter().filter(|name| is_attempt_of(image, name)) {
            bytes.discard(attempt).await?;
        }
        bytes.delete(image).await?;
    }
    let mut uow = store.begin().await?;
    let row = uow.images().find(image).await?;
    if row.is_some_and(|row| row.state == ImageState::Deleting) {
        for host in uow.hosts().list().await? {
            let envelope = Envelope {
                id: MessageId(random_uuid(entropy)),
                request: request.clone(),
                to: Address::Host(host.name),
                created_at: now,
                body: Body::Command(Command::ReleaseBase { image }),
            };
            uow.outbox().insert(&envelope).await?;
        }
        uow.images().delete(image).await?;
    }
    uow.tasks().delete_by_work(&Work::DeleteImage(image)).await?;
    uow.commit().await?;
    links.gone(image);
    Ok(())
}

async fn is_going(store: &dyn Store, image: ImageId) -> Result<bool, Error> {
    let mut uow = store.read().await?;
    let row = uow.images().find(image).await?;
    Ok(row.is_some_and(|row| row.state == ImageState::Deleting))
}
