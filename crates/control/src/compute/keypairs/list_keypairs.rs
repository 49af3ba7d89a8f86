//! Lists key pairs.

use super::{KeypairVerbs, owner};
use crate::error::Error;
use hatchery_model::caller::Caller;
use hatchery_model::compute::Keypair;
use hatchery_model::id::UserId;
use hatchery_model::page::Page;

impl KeypairVerbs {
    /// A page of the key pairs of the caller, or for an administrator of `user`, by name. `Invalid` for an unknown marker.
    pub async fn list(
        &self,
        caller: &Caller,
        user: Option<UserId>,
        page: &Page,
    ) -> Result<Vec<Keypair>, Error> {
        let user = owner(caller, user, "os_compute_api:os-keypairs:index")?;
        let mut uow = self.store.read().await?;
        if let Some(marker) = &page.marker
            && uow.keypairs().find(&user, marker).await?.is_none()
        {
            return Err(Error::Invalid(format!("marker [{marker}] not found")));
        }
        Ok(uow.keypairs().list(&user, page).await?)
    }
}
