//! Makes a volume type.

use super::VolumeTypeVerbs;
use crate::error::Error;
use crate::policy;
use hatchery_model::caller::Caller;
use hatchery_model::id::VolumeTypeId;
use hatchery_model::volume::VolumeType;
use hatchery_ports::entropy::random_uuid;
use std::collections::{BTreeMap, BTreeSet};

/// A volume type that is wanted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewVolumeType {
    /// Unique; not empty.
    pub name: String,
    /// Free text.
    pub description: Option<String>,
    /// Whether every project may use it.
    pub is_public: bool,
    /// What its backends must be.
    pub extra_specs: BTreeMap<String, String>,
}

impl VolumeTypeVerbs {
    /// Makes a type. Administrators only. `Conflict` when the name is taken.
    pub async fn create(&self, caller: &Caller, new: NewVolumeType) -> Result<VolumeType, Error> {
        policy::admin(caller, "volume_extension:type_create")?;
        let made = VolumeType {
            id: VolumeTypeId(random_uuid(&*self.entropy)),
            name: new.name,
            description: new.description,
            is_public: new.is_public,
            extra_specs: new.extra_specs,
            access: BTreeSet::new(),
            qos_specs: None,
            created_at: self.clock.now(),
            updated_at: None,
        };
        let mut uow = self.store.begin().await?;
        if uow.volume_types().list().await?.iter().any(|other| other.name == made.name) {
            return Err(exists(&made.name));
        }
        uow.volume_types().insert(&made).await?;
        uow.commit().await?;
        Ok(made)
    }
}

pub(super) fn exists(name: &str) -> Error {
    Error::Conflict(format!("Volume Type {name} already exists."))
}
