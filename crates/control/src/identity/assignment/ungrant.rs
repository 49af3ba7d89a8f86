//! Takes a role on a target from a user.

use super::no_grant;
use super::target::GrantNouns;
use crate::error::Error;
use crate::identity::policy::require;
use crate::identity::removal::remove_assignments;
use crate::identity::token::TokenAuthority;
use hatchery_model::caller::Caller;
use hatchery_model::identity::{Assignment, AssignmentTarget};
use hatchery_ports::store::{AssignmentFilter, Store};
use std::sync::Arc;

/// Takes roles away.
pub struct Ungrant {
    pub(in crate::identity) store: Arc<dyn Store>,
    pub(in crate::identity) authority: Arc<TokenAuthority>,
}

impl Ungrant {
    /// Takes back the tokens that the role was in. `NotFound` when the user did not have it.
    pub async fn run(&self, caller: &Caller, old: &Assignment) -> Result<(), Error> {
        let mut revoking = self.authority.revoking().await;
        let mut unit = self.store.begin().await?;
        let Assignment { user, role, target } = old;
        let nouns = GrantNouns::find(unit.as_mut(), user, Some(role), target, true).await?;
        let action = match target {
            AssignmentTarget::System => "revoke_system_grant_for_user",
            AssignmentTarget::Project(_) | AssignmentTarget::Domain(_) => "revoke_grant",
        };
        require(nouns.writable_by(caller), action)?;
        let filter = AssignmentFilter {
            user: Some(user.clone()),
            role: Some(role.clone()),
            target: Some(target.clone()),
        };
        if remove_assignments(unit.as_mut(), &mut revoking, &filter).await? == 0 {
            return Err(no_grant(old));
        }
        revoking.commit(unit).await
    }
}
