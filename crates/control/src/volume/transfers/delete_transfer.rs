//! Takes an offer back.

use super::{TransferVerbs, seen};
use crate::error::Error;
use crate::policy;
use crate::volume::send::keep;
use hatchery_model::caller::Caller;
use hatchery_model::id::TransferId;

impl TransferVerbs {
    /// Takes the offer back: its volume is available again. Needs `member` on the project that offers. `NotFound`, `Denied`.
    pub async fn delete(&self, caller: &Caller, id: TransferId) -> Result<(), Error> {
        let mut uow = self.ports.store.begin().await?;
        let transfer = seen(&mut *uow, caller, id).await?;
        policy::write(caller, &transfer.project, "volume:delete_transfer")?;
        uow.volume_transfers().delete(id).await?;
        if let Some(mut volume) = uow.volumes().find(transfer.volume).await?
            && let Ok(state) = volume.state.clone().not_offered()
        {
            volume.state = state;
            keep(&mut *uow, &mut volume, self.ports.clock.now()).await?;
        }
        Ok(uow.commit().await?)
    }
}
