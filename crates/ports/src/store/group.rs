//! Groups of volumes, their types and their snapshots.

use super::StoreError;
use async_trait::async_trait;
use hatchery_model::id::{GroupId, GroupSnapshotId, GroupTypeId, ProjectId};
use hatchery_model::page::Page;
use hatchery_model::volume::{GroupSnapshot, GroupType, VolumeGroup};

/// Types of groups.
#[async_trait]
pub trait GroupTypes: Send {
    /// By id.
    async fn find(&mut self, id: GroupTypeId) -> Result<Option<GroupType>, StoreError>;
    /// All, by name. There are few.
    async fn list(&mut self) -> Result<Vec<GroupType>, StoreError>;
    /// A new one; `Conflict` when id or name is taken.
    async fn insert(&mut self, group_type: &GroupType) -> Result<(), StoreError>;
    /// Replaces it; `Conflict` when the name is taken.
    async fn update(&mut self, group_type: &GroupType) -> Result<(), StoreError>;
    /// Removes it.
    async fn delete(&mut self, id: GroupTypeId) -> Result<bool, StoreError>;
}

/// Which groups, or group snapshots.
#[derive(Clone, Debug, Default)]
pub struct GroupFilter {
    /// Of this project. `None`: of all.
    pub project: Option<ProjectId>,
    /// With exactly this name.
    pub name: Option<String>,
    /// Of this type.
    pub group_type: Option<GroupTypeId>,
    /// Of group snapshots: of this group.
    pub group: Option<GroupId>,
}

/// Groups of volumes.
#[async_trait]
pub trait VolumeGroups: Send {
    /// By id.
    async fn find(&mut self, id: GroupId) -> Result<Option<VolumeGroup>, StoreError>;
    /// A page of those that fit, newest first unless sorted. Sort keys: `name`, `created_at`, `id`.
    async fn list(
        &mut self,
        filter: &GroupFilter,
        page: &Page,
    ) -> Result<Vec<VolumeGroup>, StoreError>;
    /// A new one; `Conflict` when the id is taken.
    async fn insert(&mut self, group: &VolumeGroup) -> Result<(), StoreError>;
    /// Replaces it, by compare-and-set on its generation.
    async fn update(&mut self, group: &VolumeGroup) -> Result<(), StoreError>;
    /// Removes it.
    async fn delete(&mut self, id: GroupId) -> Result<bool, StoreError>;
}

/// Group snapshots.
#[async_trait]
pub trait GroupSnapshots: Send {
    /// By id.
    async fn find(&mut self, id: GroupSnapshotId) -> Result<Option<GroupSnapshot>, StoreError>;
    /// A page of those that fit, newest first unless sorted. Sort keys: `name`, `created_at`, `id`.
    async fn list(
        &mut self,
        filter: &GroupFilter,
        page: &Page,
    ) -> Result<Vec<GroupSnapshot>, StoreError>;
    /// A new one; `Conflict` when the id is taken.
    async fn insert(&mut self, snapshot: &GroupSnapshot) -> Result<(), StoreError>;
    /// Replaces it, by compare-and-set on its generation.
    async fn update(&mut self, snapshot: &GroupSnapshot) -> Result<(), StoreError>;
    /// Removes it.
    async fn delete(&mut self, id: GroupSnapshotId) -> Result<bool, StoreError>;
}
