//! Cinder's rows.

use super::StoreError;
use async_trait::async_trait;
use hatchery_model::id::{
    AttachmentId, BackupId, GroupId, GroupSnapshotId, ProjectId, QosSpecsId, ServerId, SnapshotId,
    TransferId, VolumeId, VolumeMessageId, VolumeTypeId,
};
use hatchery_model::page::Page;
use hatchery_model::timestamp::Timestamp;
use hatchery_model::volume::{
    Attachment, BackendName, Backup, BackupUsage, ImageCacheEntry, QosSpecs, Snapshot, Transfer,
    Volume, VolumeMessage, VolumeType, VolumeUsage,
};

/// Which volumes.
#[derive(Clone, Debug, Default)]
pub struct VolumeFilter {
    /// Of this project. `None`: of all.
    pub project: Option<ProjectId>,
    /// With exactly this name.
    pub name: Option<String>,
    /// In one of these states, in Cinder's words. Empty: in any.
    pub statuses: Vec<String>,
    /// Of this type.
    pub volume_type: Option<VolumeTypeId>,
    /// Bootable ones, or the others.
    pub bootable: Option<bool>,
    /// On this host's backends.
    pub host: Option<String>,
    /// In this group.
    pub group: Option<GroupId>,
}

/// Volumes.
#[async_trait]
pub trait Volumes: Send {
    /// By id.
    async fn find(&mut self, id: VolumeId) -> Result<Option<Volume>, StoreError>;
    /// A page of those that fit, newest first unless sorted. Sort keys: `name`, `created_at`, `updated_at`, `id`, `size`, `status`, `bootable`.
    async fn list(&mut self, filter: &VolumeFilter, page: &Page)
    -> Result<Vec<Volume>, StoreError>;
    /// Those that wait for an answer to an order sent before then, `limit` at the most.
    async fn list_unanswered(
        &mut self,
        sent_before: Timestamp,
        limit: u32,
    ) -> Result<Vec<Volume>, StoreError>;
    /// What a project has of volumes and snapshots.
    async fn usage(&mut self, project: &ProjectId) -> Result<VolumeUsage, StoreError>;
    /// A new one; `Conflict` when the id is taken.
    async fn insert(&mut self, volume: &Volume) -> Result<(), StoreError>;
    /// Replaces it, by compare-and-set on its generation. The row given has the generation read; the one stored the next.
    async fn update(&mut self, volume: &Volume) -> Result<(), StoreError>;
    /// Removes it.
    async fn delete(&mut self, id: VolumeId) -> Result<bool, StoreError>;
}

/// Which snapshots.
#[derive(Clone, Debug, Default)]
pub struct SnapshotFilter {
    /// Of this project. `None`: of all.
    pub project: Option<ProjectId>,
    /// Of this volume.
    pub volume: Option<VolumeId>,
    /// Part of this group snapshot.
    pub group_snapshot: Option<GroupSnapshotId>,
    /// With exactly this name.
    pub name: Option<String>,
    /// In one of these states, in Cinder's words. Empty: in any.
    pub statuses: Vec<String>,
}

/// Snapshots.
#[async_trait]
pub trait Snapshots: Send {
    /// By id.
    async fn find(&mut self, id: SnapshotId) -> Result<Option<Snapshot>, StoreError>;
    /// A page of those that fit, newest first unless sorted. Sort keys: `name`, `created_at`, `updated_at`, `id`, `size`, `status`.
    async fn list(
        &mut self,
        filter: &SnapshotFilter,
        page: &Page,
    ) -> Result<Vec<Snapshot>, StoreError>;
    /// Those that wait for an answer to an order sent before then, `limit` at the most.
    async fn list_unanswered(
        &mut self,
        sent_before: Timestamp,
        limit: u32,
    ) -> Result<Vec<Snapshot>, StoreError>;
    /// A new one; `Conflict` when the id is taken.
    async fn insert(&mut self, snapshot: &Snapshot) -> Result<(), StoreError>;
    /// Replaces it, by compare-and-set on its generation.
    async fn update(&mut self, snapshot: &Snapshot) -> Result<(), StoreError>;
    /// Removes it.
    async fn delete(&mut self, id: SnapshotId) -> Result<bool, StoreError>;
}

/// Attachments.
#[async_trait]
pub trait Attachments: Send {
    /// By id.
    async fn find(&mut self, id: AttachmentId) -> Result<Option<Attachment>, StoreError>;
    /// Those of a project, of a volume, of a server; `None`: of any. By time made and id.
    async fn list(
        &mut self,
        project: Option<&ProjectId>,
        volume: Option<VolumeId>,
        server: Option<ServerId>,
    ) -> Result<Vec<Attachment>, StoreError>;
    /// A new one; `Conflict` when the id is taken.
    async fn insert(&mut self, attachment: &Attachment) -> Result<(), StoreError>;
    /// Replaces it, by compare-and-set on its generation.
    async fn update(&mut self, attachment: &Attachment) -> Result<(), StoreError>;
    /// Removes it.
    async fn delete(&mut self, id: AttachmentId) -> Result<bool, StoreError>;
}

/// Which backups.
#[derive(Clone, Debug, Default)]
pub struct BackupFilter {
    /// Of this project. `None`: of all.
    pub project: Option<ProjectId>,
    /// Of this volume.
    pub volume: Option<VolumeId>,
    /// That go on from this one.
    pub parent: Option<BackupId>,
    /// With exactly this name.
    pub name: Option<String>,
    /// In one of these states, in Cinder's words. Empty: in any.
    pub statuses: Vec<String>,
}

/// Backups.
#[async_trait]
pub trait Backups: Send {
    /// By id.
    async fn find(&mut self, id: BackupId) -> Result<Option<Backup>, StoreError>;
    /// A page of those that fit, newest first unless sorted. Sort keys: `name`, `created_at`, `updated_at`, `id`, `size`, `status`.
    async fn list(&mut self, filter: &BackupFilter, page: &Page)
    -> Result<Vec<Backup>, StoreError>;
    /// Those that wait for an answer to an order sent before then, `limit` at the most.
    async fn list_unanswered(
        &mut self,
        sent_before: Timestamp,
        limit: u32,
    ) -> Result<Vec<Backup>, StoreError>;
    /// What a project has of backups.
    async fn usage(&mut self, project: &ProjectId) -> Result<BackupUsage, StoreError>;
    /// A new one; `Conflict` when the id is taken.
    async fn insert(&mut self, backup: &Backup) -> Result<(), StoreError>;
    /// Replaces it, by compare-and-set on its generation.
    async fn update(&mut self, backup: &Backup) -> Result<(), StoreError>;
    /// Removes it.
    async fn delete(&mut self, id: BackupId) -> Result<bool, StoreError>;
}

/// Entries of the backends' image-volume caches.
#[async_trait]
pub trait ImageCacheEntries: Send {
    /// By the id of the volume.
    async fn find(&mut self, volume: VolumeId) -> Result<Option<ImageCacheEntry>, StoreError>;
    /// Those of a backend, or all: by the volumes' ids. There are few.
    async fn list(
        &mut self,
        backend: Option<&BackendName>,
    ) -> Result<Vec<ImageCacheEntry>, StoreError>;
    /// A new one; `Conflict` when the volume has one.
    async fn insert(&mut self, entry: &ImageCacheEntry) -> Result<(), StoreError>;
    /// Replaces it, by compare-and-set on its generation.
    async fn update(&mut self, entry: &ImageCacheEntry) -> Result<(), StoreError>;
    /// Removes it.
    async fn delete(&mut self, volume: VolumeId) -> Result<bool, StoreError>;
}

/// Which offers of volumes.
#[derive(Clone, Debug, Default)]
pub struct TransferFilter {
    /// Of this project. `None`: of all.
    pub project: Option<ProjectId>,
    /// Of this volume.
    pub volume: Option<VolumeId>,
    /// With exactly this name.
    pub name: Option<String>,
}

/// Offers of volumes to other projects. A row does not change.
#[async_trait]
pub trait VolumeTransfers: Send {
    /// By id.
    async fn find(&mut self, id: TransferId) -> Result<Option<Transfer>, StoreError>;
    /// A page of those that fit, newest first unless sorted. Sort keys: `name`, `created_at`, `id`.
    async fn list(
        &mut self,
        filter: &TransferFilter,
        page: &Page,
    ) -> Result<Vec<Transfer>, StoreError>;
    /// A new one; `Conflict` when the id is taken.
    async fn insert(&mut self, transfer: &Transfer) -> Result<(), StoreError>;
    /// Removes all of a volume; says how many.
    async fn delete_of(&mut self, volume: VolumeId) -> Result<u64, StoreError>;
    /// Removes it.
    async fn delete(&mut self, id: TransferId) -> Result<bool, StoreError>;
}

/// Volume types.
#[async_trait]
pub trait VolumeTypes: Send {
    /// By id.
    async fn find(&mut self, id: VolumeTypeId) -> Result<Option<VolumeType>, StoreError>;
    /// All, by name. There are few.
    async fn list(&mut self) -> Result<Vec<VolumeType>, StoreError>;
    /// A new one; `Conflict` when id or name is taken.
    async fn insert(&mut self, volume_type: &VolumeType) -> Result<(), StoreError>;
    /// Replaces it; `Conflict` when the name is taken.
    async fn update(&mut self, volume_type: &VolumeType) -> Result<(), StoreError>;
    /// Removes it.
    async fn delete(&mut self, id: VolumeTypeId) -> Result<bool, StoreError>;
}

/// Quality-of-service specs. The types that they hold for name them.
#[async_trait]
pub trait QosSpecsRows: Send {
    /// By id.
    async fn find(&mut self, id: QosSpecsId) -> Result<Option<QosSpecs>, StoreError>;
    /// All, by name. There are few.
    async fn list(&mut self) -> Result<Vec<QosSpecs>, StoreError>;
    /// A new one; `Conflict` when id or name is taken.
    async fn insert(&mut self, specs: &QosSpecs) -> Result<(), StoreError>;
    /// Replaces it. The name stays.
    async fn update(&mut self, specs: &QosSpecs) -> Result<(), StoreError>;
    /// Removes it.
    async fn delete(&mut self, id: QosSpecsId) -> Result<bool, StoreError>;
}

/// Messages to users.
#[async_trait]
pub trait VolumeMessages: Send {
    /// By id.
    async fn find(&mut self, id: VolumeMessageId) -> Result<Option<VolumeMessage>, StoreError>;
    /// Those of a project, or all, newest first.
    async fn list(&mut self, project: Option<&ProjectId>)
    -> Result<Vec<VolumeMessage>, StoreError>;
    /// A new one; `Conflict` when the id is taken.
    async fn insert(&mut self, message: &VolumeMessage) -> Result<(), StoreError>;
    /// Removes it.
    async fn delete(&mut self, id: VolumeMessageId) -> Result<bool, StoreError>;
    /// Removes those that need not be kept any more; says how many.
    async fn delete_expired(&mut self, now: Timestamp) -> Result<u64, StoreError>;
}
