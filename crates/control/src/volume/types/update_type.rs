//! Changes name, description and visibility of a volume type.

use super::create_type::exists;
use super::{VolumeTypeVerbs, find_type};
use crate::error::Error;
use crate::policy;
use hatchery_model::caller::Caller;
use hatchery_model::id::VolumeTypeId;
use hatchery_model::volume::VolumeType;

/// What is to change; `None`: as it is.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct TypeChanges {
    /// Unique; not empty.
    pub name: Option<String>,
    /// Free text.
    pub description: Option<String>,
    /// Whether every project may use it.
    pub is_public: Option<bool>,
}

impl VolumeTypeVerbs {
    /// Changes a type. Administrators only. `NotFound`; `Conflict` when the name is taken. The default type keeps its name and is public: it
    /// is found by the one and given to everyone by the other.
    pub async fn update(
        &self,
        caller: &Caller,
        id: VolumeTypeId,
        changes: TypeChanges,
    ) -> Result<VolumeType, Error> {
        policy::admin(caller, "volume_extension:type_update")?;
        let mut uow = self.store.begin().await?;
        let mut found = find_type(&mut *uow, id).await?;
        let renamed = changes.name.as_ref().is_some_and(|name| *name != found.name);
        if found.name == self.settings.default_volume_type
            && (renamed || changes.is_public == Some(false))
        {
            return Err(Error::Invalid(format!(
                "The volume type {id} is the default volume type: it keeps its name and is public."
            )));
        }
        if let Some(name) = changes.name {
            let others = uow.volume_types().list().await?;
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
        uow.volume_types().update(&found).await?;
        uow.commit().await?;
        Ok(found)
    }
}
