//! Changes a user.

use super::{manager_of_found, name_taken};
use crate::error::Error;
use crate::identity::conflict::or_taken;
use crate::identity::passwords::Passwords;
use crate::identity::policy::require;
use crate::identity::token::TokenAuthority;
use hatchery_model::caller::Caller;
use hatchery_model::id::{DomainId, ProjectId, UserId};
use hatchery_model::identity::{RevocationSubject, User};
use hatchery_ports::clock::Clock;
use hatchery_ports::store::Store;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What is to be different.
#[derive(Clone, Default)]
pub struct UserChange {
    /// Its name.
    pub name: Option<String>,
    /// Its password; `Some(None)`: no login by password any more.
    pub password: Option<Option<String>>,
    /// Its default project.
    pub default_project: Option<Option<ProjectId>>,
    /// Whether it gets tokens.
    pub enabled: Option<bool>,
    /// Its description.
    pub description: Option<Option<String>>,
    /// Its address.
    pub email: Option<Option<String>>,
    /// Whatever else was sent: added to what there is.
    pub extra: BTreeMap<String, Value>,
    /// Its domain, which must be the one it has.
    pub domain: Option<DomainId>,
}

/// Updates users.
pub struct UpdateUser {
    pub(in crate::identity) store: Arc<dyn Store>,
    pub(in crate::identity) clock: Arc<dyn Clock>,
    pub(in crate::identity) passwords: Passwords,
    pub(in crate::identity) authority: Arc<TokenAuthority>,
}

impl UpdateUser {
    /// The user as it is then. Disabling it and setting a password take its tokens back.
    pub async fn run(
        &self,
        caller: &Caller,
        id: &UserId,
        change: UserChange,
    ) -> Result<User, Error> {
        self.check(caller, id).await?;
        let password = match change.password {
            Some(Some(password)) => Some(Some(self.passwords.hash(password).await?)),
            Some(None) => Some(None),
            None => None,
        };
        let mut revoking = self.authority.revoking().await;
        let mut unit = self.store.begin().await?;
        let found = unit.users().find(id).await?;
        require(manager_of_found(caller, found.as_ref()), "update_user")?;
        let before = found.ok_or_else(|| Error::not_found("user", id))?;
        if change.domain.is_some_and(|domain| domain != before.domain) {
            return Err(Error::Invalid("Cannot change Domain ID".into()));
        }
        let mut after = before.clone();
        after.name = change.name.unwrap_or(after.name);
        after.default_project = change.default_project.unwrap_or(after.default_project);
        after.enabled = change.enabled.unwrap_or(after.enabled);
        after.description = change.description.unwrap_or(after.description);
        after.email = change.email.unwrap_or(after.email);
        after.extra.extend(change.extra);
        if (before.enabled && !after.enabled) || password.is_some() {
            revoking.revoke(RevocationSubject::User(id.clone()));
        }
        if let Some(hash) = password {
            after.password_hash = hash;
            after.password_set_at = self.clock.now();
        }
        or_taken(unit.users().update(&after).await, || name_taken(&after))?;
        revoking.commit(unit).await?;
        Ok(after)
    }

    /// Refuses before a hash is computed for someone who may not set it.
    async fn check(&self, caller: &Caller, id: &UserId) -> Result<(), Error> {
        let found = self.store.read().await?.users().find(id).await?;
        require(manager_of_found(caller, found.as_ref()), "update_user")?;
        match found {
            Some(_) => Ok(()),
            None => Err(Error::not_found("user", id)),
        }
    }
}
