//! Ends the pin of an image.

use super::{AggregateVerbs, find, holder};
use crate::error::Error;
use crate::policy;
use hatchery_model::caller::Caller;
use hatchery_model::id::ImageId;

impl AggregateVerbs {
    /// Its bases stay from now on only as long as they would anyway. Administrators only. `NotFound`, also when it is not pinned.
    pub async fn unpin_image(
        &self,
        caller: &Caller,
        number: u64,
        image: ImageId,
    ) -> Result<(), Error> {
        policy::admin(caller, "compute:aggregates:images")?;
        let mut uow = self.store.begin().await?;
        let aggregate = find(&mut *uow, number).await?;
        if !uow.leases().delete_pin(image, &holder(&aggregate)).await? {
            return Err(Error::not_found("Pin of image", image));
        }
        uow.commit().await?;
        Ok(())
    }
}
