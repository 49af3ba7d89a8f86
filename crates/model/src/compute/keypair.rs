//! A key pair: the public half, by name.

use crate::id::UserId;
use crate::timestamp::Timestamp;
use serde::{Deserialize, Serialize};

/// A Nova key pair, owned by a user.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Keypair {
    /// The owner.
    pub user: UserId,
    /// Unique for its owner.
    pub name: String,
    /// One line in OpenSSH form (or a PEM certificate for `x509`).
    pub public_key: String,
    /// MD5 of the key, sixteen pairs of hex digits with colons.
    pub fingerprint: String,
    /// What it is for.
    pub key_type: KeyType,
    /// When it was made.
    pub created_at: Timestamp,
}

/// What a key pair is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum KeyType {
    /// `ssh`
    Ssh,
    /// `x509`
    X509,
}
