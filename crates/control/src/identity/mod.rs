//! Keystone's verbs.

mod check_token;

pub use check_token::CheckToken;
