//! Keystone's verbs.

mod authenticate;
mod bootstrap;
mod check_token;
mod passwords;
mod policy;
mod reference;
mod revocation_index;
mod revoke_token;
mod role_graph;
mod scope;
mod show_token;
mod token_authority;
mod token_codec;
mod verbs;

pub use authenticate::{Authenticate, Login, Proof, TokenDetail};
pub use bootstrap::{DEFAULT_DOMAIN, Foundation, bootstrap};
pub use check_token::CheckToken;
pub use passwords::{MAX_PASSWORD_BYTES, Passwords};
pub use reference::{DomainRef, ProjectRef, UserRef};
pub use revoke_token::RevokeToken;
pub use scope::{FoundScope, WantedScope};
pub use show_token::ShowToken;
pub use token_authority::{DEFAULT_LIFETIME_SECONDS, MAX_LIFETIME_SECONDS, TokenAuthority};
pub use verbs::{IdentityPorts, IdentityVerbs};
