//! Takes a token back.

use super::authority::TokenAuthority;
use crate::error::Error;
use crate::identity::check_token::CheckToken;
use crate::identity::policy::require;
use hatchery_model::caller::Caller;
use hatchery_model::identity::RevocationSubject;
use hatchery_ports::store::Store;
use std::sync::Arc;

/// Revokes a token.
pub struct RevokeToken {
    pub(in crate::identity) store: Arc<dyn Store>,
    pub(in crate::identity) authority: Arc<TokenAuthority>,
}

impl RevokeToken {
    /// Revokes the subject token and, with `descendants`, those that were got with it. `NotFound` for one that is not accepted (any
    /// more); `Denied` unless the caller is administrator or the token's user.
    pub async fn run(
        &self,
        caller: &Caller,
        subject: &str,
        descendants: bool,
    ) -> Result<(), Error> {
        let claims = self
            .authority
            .check(subject)
            .map_err(|_| Error::not_found("token", "it is not valid, or not valid any more"))?;
        let may = caller.is_admin() || caller.user == claims.user;
        require(may, "revoke_token")?;
        let mut revoking = self.authority.revoking().await;
        let unit = self.store.begin().await?;
        // Those that were got with it end no later than it does.
        let end = claims.expires_at;
        revoking.revoke_until(RevocationSubject::Token(claims.audit_id.clone()), end);
        if descendants {
            revoking.revoke_until(RevocationSubject::Chain(claims.audit_id), end);
        }
        revoking.commit(unit).await
    }
}
