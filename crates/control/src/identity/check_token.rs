//! The one question that every service asks of identity.

use crate::error::Error;
use hatchery_model::identity::TokenClaims;

/// Checks tokens. Called for each request, so it reads no database.
pub trait CheckToken: Send + Sync {
    /// The claims of a token that is signed by us, not expired and not revoked. `Unauthenticated` otherwise, with the reason.
    fn check(&self, token: &str) -> Result<TokenClaims, Error>;
}
