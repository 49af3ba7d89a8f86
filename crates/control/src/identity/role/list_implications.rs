//! Which roles imply which.

use crate::error::Error;
use crate::identity::policy::{deployment_reader, require};
use crate::identity::role::existing_role;
use hatchery_model::caller::Caller;
use hatchery_model::id::RoleId;
use hatchery_model::identity::Role;
use hatchery_ports::store::{Store, UnitOfWork};
use std::sync::Arc;

/// A role, and all that it implies by itself.
#[derive(Clone, Debug)]
pub struct Implication {
    /// Whoever holds this one
    pub prior: Role,
    /// has these too.
    pub implied: Vec<Role>,
}

/// Lists implications.
pub struct ListImplications {
    pub(in crate::identity) store: Arc<dyn Store>,
}

impl ListImplications {
    /// Of all roles that imply any, by name.
    pub async fn all(&self, caller: &Caller) -> Result<Vec<Implication>, Error> {
        require(deployment_reader(caller), "list_role_inference_rules")?;
        let mut unit = self.store.read().await?;
        let mut found = Vec::new();
        for prior in unit.roles().list().await? {
            let implication = implication_of(unit.as_mut(), prior).await?;
            if !implication.implied.is_empty() {
                found.push(implication);
            }
        }
        Ok(found)
    }

    /// Of one role.
    pub async fn of(&self, caller: &Caller, prior: &RoleId) -> Result<Implication, Error> {
        let mut unit = self.store.read().await?;
        let prior = existing_role(unit.as_mut(), prior).await?;
        require(deployment_reader(caller), "list_implied_roles")?;
        implication_of(unit.as_mut(), prior).await
    }
}

async fn implication_of(unit: &mut dyn UnitOfWork, prior: Role) -> Result<Implication, Error> {
    let mut implied = Vec::new();
    for (of, what) in unit.roles().list_implications().await? {
        if of == prior.id {
            implied.extend(unit.roles().find(&what).await?);
        }
    }
    Ok(Implication { prior, implied })
}
