//! Cinder's verbs, one a file: each adds its method to [`VolumeVerbs`], or to the verbs of a noun beside volumes.
//!
//! A volume's row says what is being done with it before its agent is told: the order stands in the row and in the outbox, both written by the
//! transaction that accepts the request. The agent's answer ends it; while there is none, the order is sent again.

pub(crate) mod access;
mod allowance;
mod answer;
mod attach_by_hand;
mod attachments;
pub(crate) mod backups;
pub(crate) mod bind;
pub(crate) mod create_volume;
mod delete_volume;
mod explain_volume;
mod extend_action;
mod extend_volume;
mod find_volume;
mod first_type;
mod group_types;
mod groups;
pub(crate) mod image_cache;
mod limits;
mod list_volumes;
mod managing;
mod messages;
pub(crate) mod moving;
mod origin;
mod pairs;
pub(crate) mod placement;
pub(crate) mod qos;
mod quota;
mod request;
mod reset_volume;
pub(crate) mod send;
mod services;
mod settings;
mod snapshots;
pub(crate) mod tell;
mod transfers;
mod types;
mod update_volume;
pub(crate) mod upload_to_image;
mod verbs;
pub(crate) mod waiting;

pub(crate) use answer::{Ground, failed, failed_snapshot, taken};
pub use attach_by_hand::Plugged;
pub use attachments::{AttachmentDetail, Connector};
pub use backups::{
    BackupChanges, BackupDetail, BackupQuery, BackupRequest, BackupVerbs, RestoreRequest, Restored,
};
pub use delete_volume::VolumeRemoval;
pub(crate) use delete_volume::begin_delete;
pub use explain_volume::{BackendExplanation, VolumeExplanation};
pub use find_volume::VolumeDetail;
pub use first_type::ensure_default_type;
pub use group_types::{GroupTypeChanges, GroupTypeVerbs, NewGroupType};
pub use groups::{
    GroupChanges, GroupDetail, GroupOrigin, GroupQuery, GroupRequest, GroupSnapshotDetail,
    GroupSnapshotRequest, GroupSource, GroupVerbs,
};
pub use image_cache::{InternalTenant, ensure_internal_tenant};
pub use limits::{VolumeLimits, find_limits, put_limits};
pub use list_volumes::VolumeQuery;
pub use managing::{ManageRequest, ManageableVerbs, ManageableVolume};
pub use messages::MessageVerbs;
pub use moving::{Migration, MigrationPolicy, Retype};
pub use qos::{NewQosSpecs, QosQuery, QosVerbs};
pub use quota::{ProjectUse, QuotaVerbs};
pub use request::{VolumeRequest, VolumeSource};
pub use services::{
    BackendService, VolumeServiceVerbs, VolumeZone, disabled_backends, is_backend_up,
};
pub use settings::VolumeSettings;
pub(crate) use snapshots::take as take_snapshot;
pub use snapshots::{SnapshotChanges, SnapshotQuery, SnapshotRequest};
pub use transfers::{NewTransfer, TransferQuery, TransferRequest, TransferVerbs};
pub use types::{
    NewVolumeType, TypeChanges, TypeQuery, VolumeTypeVerbs, default_type, find_type, usable_type,
};
pub use update_volume::VolumeChanges;
pub use upload_to_image::{UploadRequest, UploadedImage};
pub use verbs::{VolumePorts, VolumeVerbs};
