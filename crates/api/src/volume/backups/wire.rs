//! Bodies of requests about backups, and what they mean.

use crate::volume::fields::{self, flexible_bool, present};
use crate::volume::microversion::Microversion;
use crate::volume::volumes::create::trimmed;
use hatchery_control::Error;
use hatchery_control::volume::{BackupChanges, BackupRequest, RestoreRequest};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::str::FromStr;

/// Metadata came then.
const METADATA: u32 = 43;
/// A zone of its own came then.
const ZONE: u32 = 51;

/// `{"backup": {…}}`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateBody {
    backup: CreateBackup,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CreateBackup {
    volume_id: String,
    #[serde(default)]
    container: Option<String>,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    description: Option<String>,
    #[serde(default, deserialize_with = "flexible_bool")]
    incremental: Option<bool>,
    #[serde(default, deserialize_with = "flexible_bool")]
    force: Option<bool>,
    #[serde(default)]
    snapshot_id: Option<String>,
    #[serde(default)]
    metadata: Option<BTreeMap<String, String>>,
    #[serde(default)]
    availability_zone: Option<String>,
}

/// `{"backup": {…}}`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UpdateBody {
    backup: UpdateBackup,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct UpdateBackup {
    #[serde(default, deserialize_with = "present")]
    name: Option<Option<String>>,
    #[serde(default, deserialize_with = "present")]
    description: Option<Option<String>>,
    #[serde(default)]
    metadata: Option<BTreeMap<String, String>>,
}

/// `{"restore": {…}}`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RestoreBody {
    restore: Restore,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Restore {
    #[serde(default)]
    volume_id: Option<String>,
    #[serde(default)]
    name: Option<String>,
}

fn id<T: FromStr>(field: &str, text: &str) -> Result<T, Error> {
    text.parse().map_err(|_| {
        Error::Invalid(format!(
            "Invalid input for field/attribute {field}. Value: {text}. '{text}' is not a 'uuid'."
        ))
    })
}

fn not_yet(field: &str, came: u32) -> Error {
    Error::Invalid(format!(
        "Additional properties are not allowed ('{field}' was unexpected before microversion 3.{came})"
    ))
}

impl CreateBody {
    /// `Invalid` where a field is not what Cinder takes.
    pub fn parse(self, version: Microversion) -> Result<BackupRequest, Error> {
        let given = self.backup;
        if given.metadata.is_some() && version.0 < METADATA {
            return Err(not_yet("metadata", METADATA));
        }
        if given.availability_zone.is_some() && version.0 < ZONE {
            return Err(not_yet("availability_zone", ZONE));
        }
        let metadata = given.metadata.unwrap_or_default();
        fields::pairs("metadata", &metadata)?;
        if let Some(container) = &given.container {
            fields::short("container", container)?;
        }
        Ok(BackupRequest {
            volume: id("volume_id", &given.volume_id)?,
            snapshot: given.snapshot_id.map(|text| id("snapshot_id", &text)).transpose()?,
            name: trimmed("name", given.name)?,
            description: trimmed("description", given.description)?,
            container: given.container,
            availability_zone: given.availability_zone,
            metadata,
            incremental: given.incremental == Some(true),
            force: given.force == Some(true),
        })
    }
}

impl UpdateBody {
    /// `Invalid` where there is nothing to change, or a field is not what Cinder takes.
    pub fn parse(self, version: Microversion) -> Result<BackupChanges, Error> {
        let given = self.backup;
        if given.metadata.is_some() && version.0 < METADATA {
            return Err(not_yet("metadata", METADATA));
        }
        if given.name.is_none() && given.description.is_none() && given.metadata.is_none() {
            return Err(Error::Invalid("Invalid input for field/attribute backup. Value: {}. {} does not have enough properties".into()));
        }
        if let Some(metadata) = &given.metadata {
            fields::pairs("metadata", metadata)?;
        }
        Ok(BackupChanges {
            name: given.name.map(|text| trimmed("name", text)).transpose()?,
            description: given.description.map(|text| trimmed("description", text)).transpose()?,
            metadata: given.metadata,
        })
    }
}

impl RestoreBody {
    /// `Invalid` where a field is not what Cinder takes.
    pub fn parse(self) -> Result<RestoreRequest, Error> {
        let volume = self.restore.volume_id.map(|text| id("volume_id", &text)).transpose()?;
        Ok(RestoreRequest { volume, name: trimmed("name", self.restore.name)? })
    }
}
