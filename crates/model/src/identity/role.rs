//! A role.

use crate::id::{DomainId, RoleId};
use serde::{Deserialize, Serialize};

/// A Keystone role.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Role {
    /// Its id.
    pub id: RoleId,
    /// Unique in its domain (or among the global ones).
    pub name: String,
    /// `None` for a global role.
    pub domain: Option<DomainId>,
    /// Free text.
    pub description: Option<String>,
}

/// The roles of the first start, each implying the next.
pub const BUILT_IN_ROLES: [&str; 4] = ["admin", "manager", "member", "reader"];
