//! A user sets its own password. Needs no token: the old password shows who asks.

use crate::error::Error;
use crate::identity::passwords::Passwords;
use crate::identity::reference::{UserRef, enabled_user};
use crate::identity::token::{TokenAuthority, refused};
use hatchery_model::id::UserId;
use hatchery_model::identity::RevocationSubject;
use hatchery_ports::clock::Clock;
use hatchery_ports::store::Store;
use std::sync::Arc;

/// Changes passwords.
pub struct ChangePassword {
    pub(in crate::identity) store: Arc<dyn Store>,
    pub(in crate::identity) clock: Arc<dyn Clock>,
    pub(in crate::identity) passwords: Passwords,
    pub(in crate::identity) authority: Arc<TokenAuthority>,
}

impl ChangePassword {
    /// Takes all tokens of the user back. `Unauthenticated` for a wrong password and for an unknown or disabled user alike.
    pub async fn run(&self, id: &UserId, original: String, new: String) -> Result<(), Error> {
        let wanted = UserRef::Id(id.clone());
        let found = {
            let mut unit = self.store.read().await?;
            enabled_user(unit.as_mut(), &wanted).await?
        };
        let known = found.and_then(|(user, _)| user.password_hash);
        if !self.passwords.verify(original, known.clone()).await? {
            return Err(refused());
        }
        let hash = self.passwords.hash(new).await?;
        let mut revoking = self.authority.revoking().await;
        let mut unit = self.store.begin().await?;
        let found = enabled_user(unit.as_mut(), &wanted).await?;
        let (mut user, _) = found.ok_or_else(refused)?;
        if user.password_hash != known {
            return Err(refused());
        }
        user.password_hash = Some(hash);
        user.password_set_at = self.clock.now();
        unit.users().update(&user).await?;
        revoking.revoke(RevocationSubject::User(user.id));
        revoking.commit(unit).await
    }
}
