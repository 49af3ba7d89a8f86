//! All use cases of identity, made from the ports that they share. Each holds only those that it uses.

use super::authenticate::Authenticate;
use super::passwords::Passwords;
use super::revoke_token::RevokeToken;
use super::show_token::ShowToken;
use super::token_authority::TokenAuthority;
use hatchery_ports::clock::Clock;
use hatchery_ports::entropy::Entropy;
use hatchery_ports::store::Store;
use std::sync::Arc;

/// What identity's use cases stand on.
#[derive(Clone)]
pub struct IdentityPorts {
    /// The database.
    pub store: Arc<dyn Store>,
    /// Time of day.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
    /// Password hashing.
    pub passwords: Passwords,
    /// Tokens.
    pub authority: Arc<TokenAuthority>,
}

/// One field a verb.
pub struct IdentityVerbs {
    /// `POST /v3/auth/tokens`
    pub authenticate: Authenticate,
    /// `GET /v3/auth/tokens`
    pub show_token: ShowToken,
    /// `DELETE /v3/auth/tokens`
    pub revoke_token: RevokeToken,
}

impl IdentityVerbs {
    /// Joins verbs and ports.
    pub fn new(ports: IdentityPorts) -> Self {
        let IdentityPorts {
            store,
            clock,
            entropy,
            passwords,
            authority,
        } = ports;
        let _ = (clock, entropy);
        Self {
            authenticate: Authenticate {
                store: store.clone(),
                passwords,
                authority: authority.clone(),
            },
            show_token: ShowToken {
                store: store.clone(),
                authority: authority.clone(),
            },
            revoke_token: RevokeToken { store, authority },
        }
    }
}
