//! The domains that fit.

use crate::error::Error;
use crate::identity::policy::{reader_of_some_domain, require, visible_domain};
use hatchery_model::caller::Caller;
use hatchery_model::identity::Domain;
use hatchery_ports::store::Store;
use std::sync::Arc;

/// Which domains.
#[derive(Clone, Debug, Default)]
pub struct DomainQuery {
    /// With exactly this name.
    pub name: Option<String>,
    /// Enabled ones or the others.
    pub enabled: Option<bool>,
}

/// Lists domains.
pub struct ListDomains {
    pub(in crate::identity) store: Arc<dyn Store>,
}

impl ListDomains {
    /// By name. A caller whose token is for a domain sees that one only.
    pub async fn run(&self, caller: &Caller, query: &DomainQuery) -> Result<Vec<Domain>, Error> {
        require(reader_of_some_domain(caller), "list_domains")?;
        let mut domains = self.store.read().await?.domains().list().await?;
        domains.retain(|domain| {
            visible_domain(caller).is_none_or(|visible| visible == &domain.id)
                && query.name.as_ref().is_none_or(|name| name == &domain.name)
                && query.enabled.is_none_or(|enabled| enabled == domain.enabled)
        });
        Ok(domains)
    }
}
