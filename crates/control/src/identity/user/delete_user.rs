//! Removes a user.

use super::manager_of_found;
use crate::error::Error;
use crate::identity::policy::require;
use crate::identity::removal::remove_user;
use crate::identity::token::TokenAuthority;
use hatchery_model::caller::Caller;
use hatchery_model::id::UserId;
use hatchery_ports::store::Store;
use std::sync::Arc;

/// Deletes users.
pub struct DeleteUser {
    pub(in crate::identity) store: Arc<dyn Store>,
    pub(in crate::identity) authority: Arc<TokenAuthority>,
}

impl DeleteUser {
    /// Removes it with its assignments and tokens.
    pub async fn run(&self, caller: &Caller, id: &UserId) -> Result<(), Error> {
        let mut revoking = self.authority.revoking().await;
        let mut unit = self.store.begin().await?;
        let found = unit.users().find(id).await?;
        require(manager_of_found(caller, found.as_ref()), "delete_user")?;
        if found.is_none() {
            return Err(Error::not_found("user", id));
        }
        remove_user(unit.as_mut(), &mut revoking, id).await?;
        revoking.commit(unit).await
    }
}
