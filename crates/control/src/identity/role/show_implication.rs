//! Whether one role implies another.

use super::existing_role;
use crate::error::Error;
use crate::identity::policy::{deployment_reader, require};
use hatchery_model::caller::Caller;
use hatchery_model::id::RoleId;
use hatchery_model::identity::Role;
use hatchery_ports::store::Store;
use std::sync::Arc;

/// Shows an implication.
pub struct ShowImplication {
    pub(in crate::identity) store: Arc<dyn Store>,
}

impl ShowImplication {
    /// The two roles. `NotFound` when the first does not imply the second by itself.
    pub async fn run(
        &self,
        caller: &Caller,
        prior: &RoleId,
        implied: &RoleId,
    ) -> Result<(Role, Role), Error> {
        let mut unit = self.store.read().await?;
        let roles = (
            existing_role(unit.as_mut(), prior).await?,
            existing_role(unit.as_mut(), implied).await?,
        );
        require(deployment_reader(caller), "get_implied_role")?;
        let pair = (prior.clone(), implied.clone());
        if unit.roles().list_implications().await?.contains(&pair) {
            Ok(roles)
        } else {
            Err(no_implication(prior, implied))
        }
    }
}

/// That one role does not imply another.
pub(super) fn no_implication(prior: &RoleId, implied: &RoleId) -> Error {
    Error::not_found("implied role", format_args!("{prior} does not imply {implied}"))
}
