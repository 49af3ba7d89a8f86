//! What handlers share.

use super::catalog::CatalogSettings;
use hatchery_control::identity::IdentityVerbs;
use std::sync::Arc;

/// The use cases, and where things are.
#[derive(Clone)]
pub struct IdentityState {
    /// What can be done.
    pub verbs: Arc<IdentityVerbs>,
    /// Where the services are.
    pub catalog: Arc<CatalogSettings>,
}

impl IdentityState {
    /// What stands before the paths that this service sees.
    pub fn root(&self) -> String {
        self.catalog.identity()
    }

    /// The address of something of this service: `path` begins with a slash and does not name the version.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.catalog.identity_v3())
    }
}
