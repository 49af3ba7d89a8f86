//! The one place where tokens are made, checked and taken back.
//!
//! A check reads only memory. The key is in the store before it is used; a revocation is in memory before it is committed, so
//! that no interruption between the two lets a revoked token live: after a restart the rows are all that counts. Two
//! control planes on one store would not hear of each other's revocations: there is one.

use super::codec::{KEY_BYTES, TokenCodec};
use super::revocation_index::RevocationIndex;
use crate::error::Error;
use crate::identity::check_token::CheckToken;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use hatchery_model::identity::{Revocation, RevocationSubject, TokenClaims};
use hatchery_model::timestamp::Timestamp;
use hatchery_ports::clock::Clock;
use hatchery_ports::entropy::Entropy;
use hatchery_ports::store::{Store, UnitOfWork};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use tokio::sync::{RwLock as Turn, RwLockReadGuard, RwLockWriteGuard};

/// Keystone's default lifetime of a token, in seconds.
pub const DEFAULT_LIFETIME_SECONDS: i64 = 3600;

/// Longest lifetime that can be set, in seconds. Revocations are kept so long, whatever the lifetime was when the token was made.
pub const MAX_LIFETIME_SECONDS: i64 = 24 * 3600;

/// The setting that holds the key, in base64.
const KEY_SETTING: &str = "identity.token_key";

/// Makes, checks and takes back tokens.
pub struct TokenAuthority {
    codec: TokenCodec,
    lifetime_seconds: i64,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    revoked: RwLock<RevocationIndex>,
    /// Latest stamp given; see [`Self::stamp`].
    stamped: AtomicI64,
    /// Issuing reads the store and stamps under `read`; what revokes writes the store under `write`. So a token is either made
    /// from what a revoking change has left, or stamped earlier than the revocation.
    turn: Turn<()>,
}

impl TokenAuthority {
    /// Opens it: makes the key if the store has none, and loads the revocations. `Invalid` for a lifetime that is not between 1 and
    /// [`MAX_LIFETIME_SECONDS`] seconds.
    pub async fn open(
        store: &dyn Store,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        lifetime_seconds: i64,
    ) -> Result<Self, Error> {
        if !(1..=MAX_LIFETIME_SECONDS).contains(&lifetime_seconds) {
            return Err(Error::Invalid(format!(
                "A token's lifetime must be between 1 and {MAX_LIFETIME_SECONDS} seconds, not {lifetime_seconds}."
            )));
        }
        let codec = TokenCodec::new(&key(store, entropy.as_ref()).await?)?;
        let mut revoked = RevocationIndex::default();
        for revocation in store.read().await?.revocations().list(clock.now()).await? {
            revoked.insert(revocation);
        }
        let stamped = AtomicI64::new(revoked.latest().map_or(i64::MIN, |at| at.0));
        Ok(Self {
            codec,
            lifetime_seconds,
            clock,
            entropy,
            revoked: RwLock::new(revoked),
            stamped,
            turn: Turn::new(()),
        })
    }

    /// Begins to issue: until the guard is dropped no change that revokes is made.
    pub async fn issuing(&self) -> Issuing<'_> {
        Issuing { authority: self, _turn: self.turn.read().await }
    }

    /// Begins a change that revokes: until the guard is dropped no token is issued.
    pub async fn revoking(&self) -> Revoking<'_> {
        Revoking { authority: self, _turn: self.turn.write().await, rows: Vec::new() }
    }

    /// Now, but later than every stamp given before: order between tokens and revocations survives a clock that stands
    /// still or is set back.
    fn stamp(&self) -> Timestamp {
        let now = self.clock.now().0;
        let later = |last: i64| now.max(last.saturating_add(1));
        let last =
            self.stamped.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |last| Some(later(last)));
        match last {
            Ok(last) | Err(last) => Timestamp(later(last)),
        }
    }
}

impl CheckToken for TokenAuthority {
    fn check(&self, token: &str) -> Result<TokenClaims, Error> {
        let claims = self.codec.open(token).ok_or_else(|| {
            Error::Unauthenticated(
                "The token is not one of this service; ask for a new one.".into(),
            )
        })?;
        if self.clock.now() >= claims.expires_at {
            return Err(Error::Unauthenticated("The token has expired; ask for a new one.".into()));
        }
        let revoked = self.revoked.read().unwrap_or_else(PoisonError::into_inner);
        if revoked.covers(&claims) {
            return Err(Error::Unauthenticated(
                "The token has been revoked; ask for a new one.".into(),
            ));
        }
        Ok(claims)
    }
}

/// The right to issue tokens from what the store says now.
pub struct Issuing<'a> {
    authority: &'a TokenAuthority,
    _turn: RwLockReadGuard<'a, ()>,
}

impl Issuing<'_> {
    /// When a token issued now was made, and when it expires. The end is told by the clock alone: a stamp that runs ahead of it
    /// makes no token live longer.
    pub fn period(&self) -> (Timestamp, Timestamp) {
        let now = self.authority.clock.now();
        let expires_at = now.plus_seconds(self.authority.lifetime_seconds);
        (self.authority.stamp(), expires_at)
    }

    /// A new audit id: 22 characters, as Keystone's.
    pub fn audit_id(&self) -> String {
        let mut bytes = [0; 16];
        self.authority.entropy.fill(&mut bytes);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// The token of these claims.
    pub fn seal(&self, claims: &TokenClaims) -> Result<String, Error> {
        self.authority.codec.seal(claims)
    }
}

/// A change that revokes, under way.
pub struct Revoking<'a> {
    authority: &'a TokenAuthority,
    _turn: RwLockWriteGuard<'a, ()>,
    rows: Vec<Revocation>,
}

impl Revoking<'_> {
    /// Revokes all tokens of the subject that have been issued until now, once [`Self::commit`] is called.
    pub fn revoke(&mut self, subject: RevocationSubject) {
        let longest = self.authority.clock.now().plus_seconds(MAX_LIFETIME_SECONDS);
        self.revoke_until(subject, longest);
    }

    /// As [`Self::revoke`], for a subject of which all tokens will have expired at `forget_at`.
    pub fn revoke_until(&mut self, subject: RevocationSubject, forget_at: Timestamp) {
        self.rows.push(Revocation { subject, issued_before: self.authority.stamp(), forget_at });
    }

    /// Commits the change together with its revocations. If the commit fails the tokens are refused all the same until the next
    /// start: their holders ask for new ones.
    pub async fn commit(self, mut unit: Box<dyn UnitOfWork>) -> Result<(), Error> {
        let now = self.authority.clock.now();
        if !self.rows.is_empty() {
            unit.revocations().delete_forgettable(now).await?;
            for row in &self.rows {
                unit.revocations().insert(row).await?;
            }
            let mut revoked =
                self.authority.revoked.write().unwrap_or_else(PoisonError::into_inner);
            revoked.forget(now);
            self.rows.iter().cloned().for_each(|row| revoked.insert(row));
        }
        unit.commit().await?;
        Ok(())
    }
}

/// The key in the store, made if there is none.
async fn key(store: &dyn Store, entropy: &dyn Entropy) -> Result<Vec<u8>, Error> {
    let mut unit = store.begin().await?;
    if let Some(text) = unit.settings().find(KEY_SETTING).await? {
        return STANDARD.decode(text).map_err(|error| Error::Internal { source: Box::new(error) });
    }
    let mut key = vec![0; KEY_BYTES];
    entropy.fill(&mut key);
    unit.settings().put(KEY_SETTING, &STANDARD.encode(&key)).await?;
    unit.commit().await?;
    Ok(key)
}
