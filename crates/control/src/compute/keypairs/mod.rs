//! The verbs of key pairs, one a file.

mod create_keypair;
mod delete_keypair;
mod generate;
mod list_keypairs;
mod public_key;
mod show_keypair;

pub use create_keypair::{CreatedKeypair, NewKeypair};

use crate::error::Error;
use crate::policy;
use hatchery_model::caller::Caller;
use hatchery_model::id::UserId;
use hatchery_ports::clock::Clock;
use hatchery_ports::entropy::Entropy;
use hatchery_ports::store::Store;
use std::sync::Arc;

/// `/os-keypairs`
#[derive(Clone)]
pub struct KeypairVerbs {
    /// The database.
    pub store: Arc<dyn Store>,
    /// Time of day.
    pub clock: Arc<dyn Clock>,
    /// New keys.
    pub entropy: Arc<dyn Entropy>,
}

/// Whose key pairs: the caller's own, or for an administrator another user's.
fn owner(caller: &Caller, user: Option<UserId>, action: &str) -> Result<UserId, Error> {
    match user {
        Some(user) if user != caller.user => {
            policy::admin(caller, action)?;
            Ok(user)
        }
        Some(_) | None => Ok(caller.user.clone()),
    }
}

fn not_found(user: &UserId, name: &str) -> Error {
    Error::not_found("Keypair", format!("{name} for user {user}"))
}
