//! Bodies of requests about groups, and what they mean.

use crate::volume::fields::{self, flexible_bool, present};
use crate::volume::volumes::create::trimmed;
use hatchery_control::Error;
use hatchery_control::volume::{
    GroupChanges, GroupOrigin, GroupRequest, GroupSnapshotRequest, GroupSource, GroupTypeChanges,
    NewGroupType,
};
use hatchery_model::id::VolumeId;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::str::FromStr;

fn id<T: FromStr>(field: &str, text: &str) -> Result<T, Error> {
    text.parse().map_err(|_| {
        Error::Invalid(format!(
            "Invalid input for field/attribute {field}. Value: {text}. '{text}' is not a 'uuid'."
        ))
    })
}

/// `{"group": {…}}`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateBody {
    group: CreateGroup,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CreateGroup {
    group_type: String,
    volume_types: Vec<String>,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    availability_zone: Option<String>,
}

impl CreateBody {
    /// `Invalid` where a field is not what Cinder takes.
    pub fn parse(self) -> Result<GroupRequest, Error> {
        let given = self.group;
        fields::name("group_type", &given.group_type)?;
        if given.volume_types.is_empty() {
            return Err(Error::Invalid(
                "Invalid input for field/attribute volume_types. Value: []. [] is too short".into(),
            ));
        }
        for volume_type in &given.volume_types {
            fields::name("volume_types", volume_type)?;
        }
        Ok(GroupRequest {
            name: trimmed("name", given.name)?,
            description: trimmed("description", given.description)?,
            group_type: given.group_type,
            volume_types: given.volume_types,
            availability_zone: given.availability_zone,
        })
    }
}

/// `{"create-from-src": {…}}`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceBody {
    #[serde(rename = "create-from-src")]
    source: FromSource,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct FromSource {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    source_group_id: Option<String>,
    #[serde(default)]
    group_snapshot_id: Option<String>,
}

impl SourceBody {
    /// `Invalid` unless it names one source.
    pub fn parse(self) -> Result<GroupSource, Error> {
        let given = self.source;
        let origin = match (given.source_group_id, given.group_snapshot_id) {
            (Some(group), None) => GroupOrigin::Group(id("source_group_id", &group)?),
            (None, Some(of)) => GroupOrigin::Snapshot(id("group_snapshot_id", &of)?),
            (Some(_), Some(_)) | (None, None) => {
                return Err(Error::Invalid(
                    "Invalid input for field/attribute create-from-src: one of source_group_id and group_snapshot_id is wanted.".into(),
                ));
            }
        };
        Ok(GroupSource {
            name: trimmed("name", given.name)?,
            description: trimmed("description", given.description)?,
            origin,
        })
    }
}

/// `{"group": {…}}`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UpdateBody {
    group: UpdateGroup,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct UpdateGroup {
    #[serde(default, deserialize_with = "present")]
    name: Option<Option<String>>,
    #[serde(default, deserialize_with = "present")]
    description: Option<Option<String>>,
    #[serde(default)]
    add_volumes: Option<String>,
    #[serde(default)]
    remove_volumes: Option<String>,
}

/// Ids with commas between them.
fn volumes(field: &str, text: Option<String>) -> Result<Vec<VolumeId>, Error> {
    let text = text.unwrap_or_default();
    let ids = text.split(',').map(str::trim).filter(|text| !text.is_empty());
    ids.map(|text| id(field, text)).collect()
}

impl UpdateBody {
    /// `Invalid` where there is nothing to change, or a field is not what Cinder takes.
    pub fn parse(self) -> Result<GroupChanges, Error> {
        let given = self.group;
        let changes = GroupChanges {
            name: given.name.map(|text| trimmed("name", text)).transpose()?,
            description: given.description.map(|text| trimmed("description", text)).transpose()?,
            add: volumes("add_volumes", given.add_volumes)?,
            remove: volumes("remove_volumes", given.remove_volumes)?,
        };
        if changes == GroupChanges::default() {
            return Err(Error::Invalid(
                "Invalid group: Cannot update group because no valid name, description, add_volumes, or remove_volumes were provided.".into(),
            ));
        }
        Ok(changes)
    }
}

/// `{"delete-volumes": …}`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Removal {
    /// Whether the volumes go with the group.
    #[serde(rename = "delete-volumes", default, deserialize_with = "flexible_bool")]
    pub with_volumes: Option<bool>,
}

/// `{"group_snapshot": {…}}`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SnapshotBody {
    group_snapshot: CreateSnapshot,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CreateSnapshot {
    group_id: String,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    description: Option<String>,
}

impl SnapshotBody {
    /// `Invalid` where a field is not what Cinder takes.
    pub fn parse(self) -> Result<GroupSnapshotRequest, Error> {
        let given = self.group_snapshot;
        Ok(GroupSnapshotRequest {
            group: id("group_id", &given.group_id)?,
            name: trimmed("name", given.name)?,
            description: trimmed("description", given.description)?,
        })
    }
}

/// `{"group_type": {…}}`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TypeBody {
    group_type: CreateType,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CreateType {
    name: String,
    #[serde(default)]
    description: Option<String>,
    #[serde(default, deserialize_with = "flexible_bool")]
    is_public: Option<bool>,
    #[serde(default)]
    group_specs: BTreeMap<String, Option<String>>,
}

impl TypeBody {
    /// The type that is wanted. A spec of null is none.
    pub fn parse(self) -> Result<NewGroupType, Error> {
        let given = self.group_type;
        fields::name("name", given.name.trim())?;
        let specs = given.group_specs.into_iter().filter_map(|(key, value)| Some((key, value?)));
        let specs = specs.collect();
        fields::pairs("group_specs", &specs)?;
        Ok(NewGroupType {
            name: given.name.trim().to_owned(),
            description: trimmed("description", given.description)?,
            is_public: given.is_public.unwrap_or(true),
            specs,
        })
    }
}

/// `{"group_type": {…}}`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TypeChangesBody {
    group_type: ChangeType,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ChangeType {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    description: Option<String>,
    #[serde(default, deserialize_with = "flexible_bool")]
    is_public: Option<bool>,
}

impl TypeChangesBody {
    /// `Invalid` where there is nothing to change, or a field is not what Cinder takes.
    pub fn parse(self) -> Result<GroupTypeChanges, Error> {
        let given = self.group_type;
        if given.name.is_none() && given.description.is_none() && given.is_public.is_none() {
            return Err(Error::Invalid(
                "Specify group type name, description or a combination thereof.".into(),
            ));
        }
        given.name.as_deref().map_or(Ok(()), |name| fields::name("name", name.trim()))?;
        Ok(GroupTypeChanges {
            name: given.name.map(|name| name.trim().to_owned()),
            description: trimmed("description", given.description)?,
            is_public: given.is_public,
        })
    }
}

/// `{"group_specs": {…}}`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SpecsBody {
    /// The specs.
    pub group_specs: BTreeMap<String, String>,
}
