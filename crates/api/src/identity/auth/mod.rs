//! `/v3/auth`: tokens, and what a token's user may use.

pub mod login;
pub mod scopes;
pub mod token_view;
pub mod tokens;
