//! One user.

use crate::error::Error;
use crate::identity::policy::{reader_of, require, system_reader};
use hatchery_model::caller::Caller;
use hatchery_model::id::UserId;
use hatchery_model::identity::User;
use hatchery_ports::store::Store;
use std::sync::Arc;

/// Shows a user.
pub struct ShowUser {
    pub(in crate::identity) store: Arc<dyn Store>,
}

impl ShowUser {
    /// For itself, administrators, and readers of the system or of its domain.
    pub async fn run(&self, caller: &Caller, id: &UserId) -> Result<User, Error> {
        let found = self.store.read().await?.users().find(id).await?;
        let may = caller.is_admin()
            || system_reader(caller)
            || found
                .as_ref()
                .is_some_and(|user| user.id == caller.user || reader_of(caller, &user.domain));
        require(may, "get_user")?;
        found.ok_or_else(|| Error::not_found("user", id))
    }
}
