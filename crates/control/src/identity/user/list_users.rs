//! The users that fit.

use crate::error::Error;
use crate::identity::policy::{reader_of_some_domain, require, visible_domain};
use hatchery_model::caller::Caller;
use hatchery_model::id::DomainId;
use hatchery_model::identity::User;
use hatchery_ports::store::{Store, UserFilter};
use std::sync::Arc;

/// Which users.
#[derive(Clone, Debug, Default)]
pub struct UserQuery {
    /// In this domain.
    pub domain: Option<DomainId>,
    /// With exactly this name.
    pub name: Option<String>,
    /// Enabled ones or the others.
    pub enabled: Option<bool>,
}

/// Lists users.
pub struct ListUsers {
    pub(in crate::identity) store: Arc<dyn Store>,
}

impl ListUsers {
    /// By name. A caller whose token is for a domain sees those of that domain only.
    pub async fn run(&self, caller: &Caller, query: &UserQuery) -> Result<Vec<User>, Error> {
        require(reader_of_some_domain(caller), "list_users")?;
        let filter = UserFilter { domain: query.domain.clone(), name: query.name.clone() };
        let mut users = self.store.read().await?.users().list(&filter).await?;
        users.retain(|user| {
            visible_domain(caller).is_none_or(|visible| visible == &user.domain)
                && query.enabled.is_none_or(|enabled| enabled == user.enabled)
        });
        Ok(users)
    }
}
