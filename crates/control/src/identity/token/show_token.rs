//! What a token says, for those who may know.

use super::authenticate::TokenDetail;
use super::authority::TokenAuthority;
use super::scope::FoundScope;
use crate::error::Error;
use crate::identity::check_token::CheckToken;
use crate::identity::policy::{require, system_reader};
use hatchery_model::caller::Caller;
use hatchery_model::identity::Role;
use hatchery_ports::store::Store;
use std::sync::Arc;

/// Shows a token.
pub struct ShowToken {
    pub(in crate::identity) store: Arc<dyn Store>,
    pub(in crate::identity) authority: Arc<TokenAuthority>,
}

impl ShowToken {
    /// The detail of the subject token. `NotFound` for one that is not accepted (any more); `Denied` for a caller that is neither
    /// administrator, nor a reader of the system, nor a service, nor the token's own user.
    pub async fn run(&self, caller: &Caller, subject: &str) -> Result<TokenDetail, Error> {
        let unknown = || Error::not_found("token", "it is not valid, or not valid any more");
        let claims = self.authority.check(subject).map_err(|_| unknown())?;
        let may = caller.is_admin()
            || system_reader(caller)
            || caller.has_role("service")
            || caller.user == claims.user;
        require(may, "validate_token")?;
        let mut unit = self.store.read().await?;
        let user_domain = unit.domains().find(&claims.user_domain).await?.ok_or_else(unknown)?;
        let scope =
            FoundScope::of_claim(unit.as_mut(), &claims.scope).await?.ok_or_else(unknown)?;
        let all = unit.roles().list().await?;
        let global = |name: &String| -> Option<Role> {
            all.iter().find(|role| role.domain.is_none() && &role.name == name).cloned()
        };
        let roles = claims.roles.iter().filter_map(global).collect();
        Ok(TokenDetail { claims, user_domain, scope, roles })
    }
}
