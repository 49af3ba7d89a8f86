//! What an operator can set of the volume service, by Cinder's names and with its defaults.

use hatchery_model::volume::{VolumeQuota, VolumeType};

/// Cinder's options.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct VolumeSettings {
    /// `default_volume_type`: the name of the type of volumes whose user names none.
    pub default_volume_type: String,
    /// `quota_volumes`, `quota_snapshots`, `quota_gigabytes`, `per_volume_size_limit`, `quota_backups`, `quota_backup_gigabytes`, `quota_groups`:
    /// what a project may have for which nothing else has been set.
    pub quota: VolumeQuota,
    /// `no_snapshot_gb_quota`: whether snapshots count for nothing in `gigabytes`.
    pub no_snapshot_gb_quota: bool,
    /// `storage_availability_zone`: where volumes stand.
    pub storage_availability_zone: String,
    /// `default_availability_zone`: where a volume stands whose user names no zone. `None`: in `storage_availability_zone`.
    pub default_availability_zone: Option<String>,
    /// `allow_availability_zone_fallback`: whether a zone that there is not is read as the default one.
    pub allow_availability_zone_fallback: bool,
    /// `cloned_volume_same_az`: whether what is made of a volume or snapshot has to stand in its zone.
    pub cloned_volume_same_az: bool,
    /// `enable_force_upload`: whether a volume that a server uses may become an image, by a snapshot of it.
    pub enable_force_upload: bool,
    /// Whether `allowed_direct_url_schemes` names `cinder`: volumes are cloned of the volume in which their image is kept.
    pub clones_image_volumes: bool,
    /// Where `[glance_store] stores` names `cinder`: the name of the type (`cinder_volume_type`, or none) of the volumes that images are kept as.
    pub keeps_images_as: Option<String>,
    /// `message_ttl`: so many seconds a message to a user is kept at least.
    pub message_ttl: i64,
    /// `service_down_time`: a host that has been silent for longer is down.
    pub service_down_seconds: i64,
    /// `reserved_percentage`: this part of a backend is kept free.
    pub reserved_percentage: u32,
    /// `max_over_subscription_ratio`: volumes take what is written to them, so free space may be promised so many times.
    pub max_over_subscription_ratio: u64,
    /// An order that has not been answered for so many seconds is sent again.
    pub resend_after_seconds: i64,
    /// What no agent has answered for so many seconds, while none that could answer is up, has failed: its user is told.
    pub give_up_after_seconds: i64,
}

impl Default for VolumeSettings {
    fn default() -> Self {
        Self {
            default_volume_type: VolumeType::DEFAULT_NAME.to_owned(),
            quota: VolumeQuota::default(),
            no_snapshot_gb_quota: false,
            storage_availability_zone: "nova".into(),
            default_availability_zone: None,
            allow_availability_zone_fallback: false,
            cloned_volume_same_az: true,
            // Cinder's is off, for want of that snapshot.
            enable_force_upload: true,
            clones_image_volumes: false,
            keeps_images_as: None,
            message_ttl: 2_592_000,
            service_down_seconds: 60,
            reserved_percentage: 0,
            max_over_subscription_ratio: 20,
            resend_after_seconds: 30,
            give_up_after_seconds: 600,
        }
    }
}
