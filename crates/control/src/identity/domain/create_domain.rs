//! A new domain.

use super::name_taken;
use crate::error::Error;
use crate::identity::conflict::or_taken;
use crate::identity::policy::{deployment_admin, require};
use hatchery_model::caller::Caller;
use hatchery_model::id::DomainId;
use hatchery_model::identity::Domain;
use hatchery_ports::entropy::{Entropy, random_uuid};
use hatchery_ports::store::Store;
use std::sync::Arc;

/// What it is to be.
#[derive(Clone, Debug)]
pub struct NewDomain {
    /// Its id, where the caller wants to choose it.
    pub id: Option<DomainId>,
    /// Its name.
    pub name: String,
    /// Free text.
    pub description: String,
    /// Whether it gives tokens.
    pub enabled: bool,
}

/// Makes domains.
pub struct CreateDomain {
    pub(in crate::identity) store: Arc<dyn Store>,
    pub(in crate::identity) entropy: Arc<dyn Entropy>,
}

impl CreateDomain {
    /// `Conflict` when id or name is taken.
    pub async fn run(&self, caller: &Caller, new: NewDomain) -> Result<Domain, Error> {
        require(deployment_admin(caller), "create_domain")?;
        let random = || DomainId::from(random_uuid(self.entropy.as_ref()));
        let domain = Domain {
            id: new.id.unwrap_or_else(random),
            name: new.name,
            description: new.description,
            enabled: new.enabled,
        };
        let mut unit = self.store.begin().await?;
        or_taken(unit.domains().insert(&domain).await, || name_taken(&domain.name))?;
        unit.commit().await?;
        Ok(domain)
    }
}
