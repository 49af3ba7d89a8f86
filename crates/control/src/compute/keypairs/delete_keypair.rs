//! Removes a key pair. Servers made with it keep their copy.

use super::{KeypairVerbs, not_found, owner};
use crate::error::Error;
use hatchery_model::caller::Caller;
use hatchery_model::id::UserId;

impl KeypairVerbs {
    /// Removes a key pair of the caller, or for an administrator of `user`. `NotFound`.
    pub async fn delete(
        &self,
        caller: &Caller,
        user: Option<UserId>,
        name: &str,
    ) -> Result<(), Error> {
        let user = owner(caller, user, "os_compute_api:os-keypairs:delete")?;
        let mut uow = self.store.begin().await?;
        if !uow.keypairs().delete(&user, name).await? {
            return Err(not_found(&user, name));
        }
        uow.commit().await?;
        Ok(())
    }
}
