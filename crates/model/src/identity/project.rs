//! A project: what owns servers, images, networks.

use crate::id::{DomainId, ProjectId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A Keystone project.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Project {
    /// Its id.
    pub id: ProjectId,
    /// Unique in its domain.
    pub name: String,
    /// Its domain.
    pub domain: DomainId,
    /// The project above it; `None` directly below the domain.
    pub parent: Option<ProjectId>,
    /// Free text.
    pub description: String,
    /// A disabled project gives no tokens.
    pub enabled: bool,
    /// Free labels.
    pub tags: Vec<String>,
    /// Attributes that Keystone keeps without understanding them.
    pub extra: BTreeMap<String, serde_json::Value>,
}
