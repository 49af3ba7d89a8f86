//! Makes, changes and removes types of groups.

use super::{GroupTypeVerbs, visible};
use crate::error::Error;
use crate::policy;
use hatchery_model::caller::Caller;
use hatchery_model::id::GroupTypeId;
use hatchery_model::page::Page;
use hatchery_model::volume::GroupType;
use hatchery_ports::entropy::random_uuid;
use hatchery_ports::store::GroupFilter;
use std::collections::BTreeMap;

/// A type that is wanted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewGroupType {
    /// Unique; not empty.
    pub name: String,
    /// Free text.
    pub description: Option<String>,
    /// Whether every project may use it.
    pub is_public: bool,
    /// What its groups must be.
    pub specs: BTreeMap<String, String>,
}

/// What is to change; `None`: as it is.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct GroupTypeChanges {
    /// Unique; not empty.
    pub name: Option<String>,
    /// Free text.
    pub description: Option<String>,
    /// Whether every project may use it.
    pub is_public: Option<bool>,
}

impl GroupTypeVerbs {
    /// Makes a type. Administrators only. `Conflict` when the name is taken.
    pub async fn create(&self, caller: &Caller, new: NewGroupType) -> Result<GroupType, Error> {
        policy::admin(caller, "group:group_types:create")?;
        let made = GroupType {
            id: GroupTypeId(random_uuid(&*self.entropy)),
            name: new.name,
            description: new.description,
            is_public: new.is_public,
            specs: new.specs,
            created_at: self.clock.now(),
            updated_at: None,
        };
        let mut uow = self.store.begin().await?;
        if uow.group_types().list().await?.iter().any(|other| other.name == made.name) {
            return Err(exists(&made.name));
        }
        uow.group_types().insert(&made).await?;
        uow.commit().await?;
        Ok(made)
    }

    /// Changes a type. Administrators only. `NotFound`; `Conflict` when the name is taken.
    pub async fn update(
        &self,
        caller: &Caller,
        id: GroupTypeId,
        changes: GroupTypeChanges,
    ) -> Result<GroupType, Error> {
        policy::admin(caller, "group:group_types:update")?;
        let mut uow = self.store.begin().await?;
        let mut found = visible(&mut *uow, caller, id).await?;
        if let Some(name) = changes.name {
            let others = uow.group_types().list().await?;
            if others.iter().any(|other| other.name == name && other.id != id) {
                return Err(exists(&name));
            }
            found.name = name;
        }
        if changes.description.is_some() {
            found.description = changes.description;
        }
        found.is_public = changes.is_public.unwrap_or(found.is_public);
        found.updated_at = Some(self.clock.now());
        uow.group_types().update(&found).await?;
        uow.commit().await?;
        Ok(found)
    }

    /// Removes a type. Administrators only. `NotFound`; `Invalid` while there are groups of the type.
    pub async fn delete(&self, caller: &Caller, id: GroupTypeId) -> Result<(), Error> {
        policy::admin(caller, "group:group_types:delete")?;
        let mut uow = self.store.begin().await?;
        visible(&mut *uow, caller, id).await?;
        let filter = GroupFilter { group_type: Some(id), ..GroupFilter::default() };
        let one = Page { limit: Some(1), ..Page::default() };
        let is_used = !uow.volume_groups().list(&filter, &one).await?.is_empty()
            || !uow.group_snapshots().list(&filter, &one).await?.is_empty();
        if is_used {
            return Err(Error::Invalid("Target group type is still in use.".into()));
        }
        uow.group_types().delete(id).await?;
        Ok(uow.commit().await?)
    }
}

fn exists(name: &str) -> Error {
    Error::Conflict(format!("Group Type {name} already exists."))
}
