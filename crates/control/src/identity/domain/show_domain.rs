//! One domain.

use crate::error::Error;
use crate::identity::policy::{require, system_reader, visible_domain};
use hatchery_model::caller::{Caller, Scope};
use hatchery_model::id::DomainId;
use hatchery_model::identity::Domain;
use hatchery_ports::store::Store;
use std::sync::Arc;

/// Shows a domain.
pub struct ShowDomain {
    pub(in crate::identity) store: Arc<dyn Store>,
}

impl ShowDomain {
    /// For administrators, readers of the system, and everyone whose token is for the domain or a project in it.
    pub async fn run(&self, caller: &Caller, id: &DomainId) -> Result<Domain, Error> {
        let found = self.store.read().await?.domains().find(id).await?;
        let inside = |domain: &Domain| match &caller.scope {
            Scope::Project { domain: own, .. } => own == &domain.id,
            _ => visible_domain(caller) == Some(&domain.id),
        };
        let may = caller.is_admin() || system_reader(caller) || found.as_ref().is_some_and(inside);
        require(may, "get_domain")?;
        found.ok_or_else(|| Error::not_found("domain", id))
    }
}
