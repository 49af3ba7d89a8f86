//! What a project may have of volumes, as it is stored.

use super::settings::VolumeSettings;
use crate::error::Error;
use hatchery_model::id::ProjectId;
use hatchery_model::volume::VolumeQuota;
use hatchery_ports::store::UnitOfWork;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Limits of a project: the general ones, and those of single types by their quota's name (`volumes_NAME`, `gigabytes_NAME`, `snapshots_NAME`;
/// none there: -1, no limit).
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct VolumeLimits {
    /// For all types together.
    pub quota: VolumeQuota,
    /// For single types.
    pub of_types: BTreeMap<String, i64>,
}

/// Where the limits of everyone who has none of its own stand, if an administrator has set them.
const CLASS: &str = "volume.class_limits";

fn key(project: &ProjectId) -> String {
    format!("volume.limits.{project}")
}

/// The limits set for a project; the operator's defaults where nobody has set any.
pub async fn find_limits(
    uow: &mut dyn UnitOfWork,
    settings: &VolumeSettings,
    project: &ProjectId,
) -> Result<VolumeLimits, Error> {
    match read(uow, &key(project)).await? {
        Some(set) => Ok(set),
        None => find_class(uow, settings).await,
    }
}

/// The limits of everyone who has none of its own.
pub(super) async fn find_class(
    uow: &mut dyn UnitOfWork,
    settings: &VolumeSettings,
) -> Result<VolumeLimits, Error> {
    let set = read(uow, CLASS).await?;
    Ok(set.unwrap_or_else(|| VolumeLimits { quota: settings.quota, of_types: BTreeMap::new() }))
}

/// Sets them.
pub(super) async fn put_class(
    uow: &mut dyn UnitOfWork,
    limits: &VolumeLimits,
) -> Result<(), Error> {
    let text = serde_json::to_string(&Some(limits))
        .map_err(|error| Error::Internal { source: Box::new(error) })?;
    Ok(uow.settings().put(CLASS, &text).await?)
}

async fn read(uow: &mut dyn UnitOfWork, key: &str) -> Result<Option<VolumeLimits>, Error> {
    let internal = |error| Error::Internal { source: Box::new(error) };
    match uow.settings().find(key).await? {
        Some(text) => serde_json::from_str::<Option<VolumeLimits>>(&text).map_err(internal),
        None => Ok(None),
    }
}

/// Sets a project's limits; `None`: back to the operator's defaults.
pub async fn put_limits(
    uow: &mut dyn UnitOfWork,
    project: &ProjectId,
    limits: Option<&VolumeLimits>,
) -> Result<(), Error> {
    let text = serde_json::to_string(&limits)
        .map_err(|error| Error::Internal { source: Box::new(error) })?;
    Ok(uow.settings().put(&key(project), &text).await?)
}
