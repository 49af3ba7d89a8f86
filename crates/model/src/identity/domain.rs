//! A domain: the namespace of projects and users.

use crate::id::DomainId;
use serde::{Deserialize, Serialize};

/// A Keystone domain. The one with id `default` exists from the first start.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Domain {
    /// Its id.
    pub id: DomainId,
    /// Unique in the deployment.
    pub name: String,
    /// Free text.
    pub description: String,
    /// A disabled domain gives no tokens.
    pub enabled: bool,
}
