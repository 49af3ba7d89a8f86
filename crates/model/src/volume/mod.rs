//! Cinder's nouns, and what crosses the bus about volumes.

mod attachment;
mod backend;
mod backup;
mod group;
mod guest_volume;
mod image_cache;
mod manageable;
mod order;
mod qos_specs;
mod quota;
mod snapshot;
mod transfer;
mod user_message;
mod volume_move;
mod volume_record;
mod volume_state;
mod volume_type;

pub use attachment::{Attachment, AttachmentState, GuestUse};
pub use backend::{BackendName, BackendReport, Reach};
pub use backup::{BackedUp, Backup, BackupState};
pub use group::{GROUP_STATUSES, GroupSnapshot, GroupType, VolumeGroup};
pub use guest_volume::{GuestVolume, serial_of};
pub use image_cache::{ImageCacheBounds, ImageCacheEntry, ImageCacheState};
pub use manageable::{Manageable, ManageableSnapshot};
pub use order::{
    ImageOfVolume, NewBackup, NewVolume, VolumeContent, VolumeNews, VolumeOrder, VolumeOutcome,
    VolumeSubject, VolumeWork,
};
pub use qos_specs::{QosConsumer, QosSpecs};
pub use quota::{BackupUsage, VolumeQuota, VolumeUsage};
pub use snapshot::{Snapshot, SnapshotState};
pub use transfer::Transfer;
pub use user_message::VolumeMessage;
pub use volume_move::{MigrationStatus, VolumeMove};
pub use volume_record::{Volume, VolumeWay};
pub use volume_state::{NotThen, Ordered, VolumeState};
pub use volume_type::VolumeType;
