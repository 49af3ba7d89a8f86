//! What hosts tell of their bases: a row each, for the status of a pre-seed and for the scheduler.

use super::Intake;
use crate::error::Error;
use hatchery_model::base::{BaseOnHost, KnownBaseState};
use hatchery_model::id::HostName;
use hatchery_model::message::HostBase;

impl Intake {
    /// Writes down what is new. News that are older than those taken, or the same again, change nothing.
    pub(super) async fn keep_host_bases(
        &self,
        host: &HostName,
        bases: &[HostBase],
    ) -> Result<(), Error> {
        let now = self.clock.now();
        let mut uow = self.store.begin().await?;
        let mut known = uow.host_bases().list(None, Some(host)).await?;
        let mut wrote = false;
        for news in bases {
            let before = known.iter().position(|row| row.image == news.image);
            let Some(row) = BaseOnHost::after(before.map(|at| &known[at]), host, news, now) else {
                continue;
            };
            tracing::debug!(host.id = %host, image.id = %row.image, state = row.state.name(), "a base has changed");
            wrote = true;
            // Of an image that is no more, nothing needs to be known once its base is gone.
            let forgotten =
                row.state == KnownBaseState::Gone && uow.images().find(row.image).await?.is_none();
            if forgotten {
                uow.host_bases().delete(row.image, host).await?;
                continue;
            }
            uow.host_bases().put(&row).await?;
            match before {
                Some(at) => known[at] = row,
                None => known.push(row),
            }
        }
        if wrote {
            uow.commit().await?;
        }
        Ok(())
    }
}
