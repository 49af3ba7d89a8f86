//! How far images of servers' disks are, for what users are shown.

use super::Intake;
use crate::compute::imaging;
use crate::error::Error;
use crate::volume::send::Writing;
use hatchery_model::id::RequestId;
use hatchery_model::message::Event;

impl Intake {
    /// Takes it, unless it is older than what is known.
    pub(super) async fn disk_imaging(
        &self,
        event: &Event,
        request: &RequestId,
    ) -> Result<(), Error> {
        let Event::DiskImaging { server, generation, step, .. } = event else { return Ok(()) };
        let mut uow = self.store.begin().await?;
        let writing = Writing { entropy: &*self.entropy, now: self.clock.now(), request };
        if imaging::stepped(&mut *uow, writing, (*server, *generation), *step).await? {
            uow.commit().await?;
        }
        Ok(())
    }
}
