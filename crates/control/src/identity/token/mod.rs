//! Tokens: made, checked, shown, taken back.

mod authenticate;
mod authority;
mod codec;
mod revocation_index;
mod revoke_token;
mod scope;
mod show_token;

pub(super) use authenticate::refused;
pub use authenticate::{Authenticate, Login, Proof, TokenDetail};
pub(super) use authority::Revoking;
pub use authority::{DEFAULT_LIFETIME_SECONDS, MAX_LIFETIME_SECONDS, TokenAuthority};
pub use revoke_token::RevokeToken;
pub use scope::{FoundScope, WantedScope};
pub use show_token::ShowToken;
