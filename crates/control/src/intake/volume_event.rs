//! What became of an order about a volume.

use super::Intake;
use crate::error::Error;
use crate::volume::send::Writing;
use crate::volume::{Ground, taken};
use hatchery_model::id::RequestId;
use hatchery_model::volume::VolumeNews;

impl Intake {
    /// Takes an answer. One that no row waits for is ignored.
    pub(super) async fn volume_answered(
        &self,
        news: &VolumeNews,
        request: &RequestId,
    ) -> Result<(), Error> {
        let mut uow = self.store.begin().await?;
        let writing = Writing { entropy: &*self.entropy, now: self.clock.now(), request };
        let ground = Ground { writing, settings: &self.volume_settings };
        let Some(orders) = taken(&mut *uow, ground, news).await? else {
            tracing::debug!(subject = ?news.subject, work = news.work, "an answer that nobody waits for");
            return Ok(());
        };
        uow.commit().await?;
        if matches!(news.work.as_str(), "UploadToImage" | "DiskToImage") {
            self.tasks.wake();
        }
        self.outgoing.hand_over(orders);
        Ok(())
    }
}
