//! A new user.

use super::name_taken;
use crate::error::Error;
use crate::identity::conflict::or_taken;
use crate::identity::passwords::Passwords;
use crate::identity::policy::{domain_for_new, manager_of, require};
use hatchery_model::caller::Caller;
use hatchery_model::id::{DomainId, ProjectId, UserId};
use hatchery_model::identity::User;
use hatchery_ports::clock::Clock;
use hatchery_ports::entropy::{Entropy, random_uuid};
use hatchery_ports::store::Store;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What it is to be.
#[derive(Clone)]
pub struct NewUser {
    /// Its name.
    pub name: String,
    /// Its domain; `None`: the caller's, or the default one.
    pub domain: Option<DomainId>,
    /// Its password; without one it cannot log in.
    pub password: Option<String>,
    /// Scope of a token asked for without one.
    pub default_project: Option<ProjectId>,
    /// Whether it gets tokens.
    pub enabled: bool,
    /// Free text.
    pub description: Option<String>,
    /// Free text.
    pub email: Option<String>,
    /// Whatever else was sent.
    pub extra: BTreeMap<String, Value>,
}

/// Makes users.
pub struct CreateUser {
    pub(in crate::identity) store: Arc<dyn Store>,
    pub(in crate::identity) clock: Arc<dyn Clock>,
    pub(in crate::identity) entropy: Arc<dyn Entropy>,
    pub(in crate::identity) passwords: Passwords,
}

impl CreateUser {
    /// `NotFound` for an unknown domain, `Invalid` for a domain as default project, `Conflict` when the name is taken.
    pub async fn run(&self, caller: &Caller, new: NewUser) -> Result<User, Error> {
        let may = match &new.domain {
            Some(domain) => manager_of(caller, domain),
            None => caller.is_admin(),
        };
        require(may, "create_user")?;
        let domain = new.domain.unwrap_or_else(|| domain_for_new(caller));
        let password_hash = match new.password {
            Some(password) => Some(self.passwords.hash(password).await?),
            None => None,
        };
        let user = User {
            id: UserId::from(random_uuid(self.entropy.as_ref())),
            name: new.name,
            domain,
            password_hash,
            password_set_at: self.clock.now(),
            default_project: new.default_project,
            enabled: new.enabled,
            description: new.description,
            email: new.email,
            extra: new.extra,
        };
        let mut unit = self.store.begin().await?;
        if unit.domains().find(&user.domain).await?.is_none() {
            return Err(Error::not_found("domain", &user.domain));
        }
        or_taken(unit.users().insert(&user).await, || name_taken(&user))?;
        unit.commit().await?;
        Ok(user)
    }
}
