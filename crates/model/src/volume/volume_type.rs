//! Volume types: how an administrator names backends for users.

use crate::id::{ProjectId, QosSpecsId, VolumeTypeId};
use crate::timestamp::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// A volume type's row.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct VolumeType {
    /// Its id.
    pub id: VolumeTypeId,
    /// Unique.
    pub name: String,
    /// Free text.
    pub description: Option<String>,
    /// Whether every project may use it.
    pub is_public: bool,
    /// What its backends must be: `volume_backend_name` and the like.
    pub extra_specs: BTreeMap<String, String>,
    /// The projects that may use it when it is not public.
    pub access: BTreeSet<ProjectId>,
    /// What its volumes may take.
    #[serde(default)]
    pub qos_specs: Option<QosSpecsId>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Option<Timestamp>,
}

impl VolumeType {
    /// The name of the type that is there from the first start on.
    pub const DEFAULT_NAME: &str = "__DEFAULT__";

    /// Whether a project may use it.
    pub fn is_usable_by(&self, project: &ProjectId) -> bool {
        self.is_public || self.access.contains(project)
    }

    /// Whether its volumes may be used by several servers at once.
    pub fn multiattach(&self) -> bool {
        self.extra_specs.get("multiattach").is_some_and(|value| value == "<is> True")
    }
}
