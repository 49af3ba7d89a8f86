//! A user.

use crate::id::{DomainId, ProjectId, UserId};
use crate::timestamp::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// A Keystone user.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// Its id.
    pub id: UserId,
    /// Unique in its domain.
    pub name: String,
    /// Its domain.
    pub domain: DomainId,
    /// Argon2id PHC string; `None`: no login by password.
    pub password_hash: Option<String>,
    /// When the password was set.
    pub password_set_at: Timestamp,
    /// Scope of a token asked for without one.
    pub default_project: Option<ProjectId>,
    /// A disabled user gets no token, and those it has stop working.
    pub enabled: bool,
    /// Free text.
    pub description: Option<String>,
    /// Free text.
    pub email: Option<String>,
    /// Attributes that Keystone keeps without understanding them.
    pub extra: BTreeMap<String, serde_json::Value>,
}

impl fmt::Debug for User {
    /// Leaves the password's hash out, so that no log has it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("User")
            .field("id", &self.id)
            .field("name", &self.name)
            .field("domain", &self.domain)
            .field("enabled", &self.enabled)
            .finish_non_exhaustive()
    }
}
