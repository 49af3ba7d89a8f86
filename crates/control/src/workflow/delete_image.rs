//! The task of an image's deletion, as a step of the runner.

use super::step::Step;
use super::wake::Wake;
use crate::error::Error;
use crate::image::finish_delete;
use async_trait::async_trait;
use hatchery_model::task::{Task, Work};
use hatchery_ports::clock::Clock;
use hatchery_ports::entropy::Entropy;
use hatchery_ports::image_store::ImageStore;
use hatchery_ports::store::Store;
use std::sync::Arc;

/// Runs `Work::DeleteImage`.
pub struct DeleteImage {
    /// The database.
    pub store: Arc<dyn Store>,
    /// The images' bytes.
    pub bytes: Arc<dyn ImageStore>,
    /// Time of day.
    pub clock: Arc<dyn Clock>,
    /// Ids.
    pub entropy: Arc<dyn Entropy>,
    /// Wakes the outbox relay.
    pub outbox: Wake,
}

#[async_trait]
impl Step for DeleteImage {
    async fn run(&self, task: &Task) -> Result<(), Error> {
        let Work::DeleteImage(image) = task.work else {
            return Ok(());
        };
        let (store, bytes, entropy) = (&*self.store, &*self.bytes, &*self.entropy);
        let now = self.clock.now();
        finish_delete(store, bytes, entropy, now, image, &task.request).await?;
        self.outbox.wake();
        Ok(())
    }
}
