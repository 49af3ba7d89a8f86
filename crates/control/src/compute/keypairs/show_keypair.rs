//! Shows a key pair.

use super::{KeypairVerbs, not_found, owner};
use crate::error::Error;
use hatchery_model::caller::Caller;
use hatchery_model::compute::Keypair;
use hatchery_model::id::UserId;

impl KeypairVerbs {
    /// One key pair of the caller, or for an administrator of `user`. `NotFound`.
    pub async fn show(
        &self,
        caller: &Caller,
        user: Option<UserId>,
        name: &str,
    ) -> Result<Keypair, Error> {
        let user = owner(caller, user, "os_compute_api:os-keypairs:show")?;
        let mut uow = self.store.read().await?;
        let found = uow.keypairs().find(&user, name).await?;
        found.ok_or_else(|| not_found(&user, name))
    }
}
