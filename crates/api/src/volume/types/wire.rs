//! What a user sends to make and change volume types.

use crate::volume::fields::{self, flexible_bool, present};
use hatchery_control::Error;
use hatchery_control::volume::{NewVolumeType, TypeChanges};
use serde::Deserialize;
use std::collections::BTreeMap;

/// `{"volume_type": {…}}`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateBody {
    volume_type: CreateType,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CreateType {
    name: String,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    extra_specs: BTreeMap<String, Option<String>>,
    #[serde(
        rename = "os-volume-type-access:is_public",
        default,
        deserialize_with = "flexible_bool"
    )]
    is_public: Option<bool>,
}

/// `{"volume_type": {…}}`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UpdateBody {
    volume_type: UpdateType,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct UpdateType {
    #[serde(default, deserialize_with = "present")]
    name: Option<Option<String>>,
    #[serde(default, deserialize_with = "present")]
    description: Option<Option<String>>,
    #[serde(default, deserialize_with = "flexible_bool")]
    is_public: Option<bool>,
}

impl CreateBody {
    /// The type that is wanted. A spec of null is none.
    pub fn parse(self) -> Result<NewVolumeType, Error> {
        let wanted = self.volume_type;
        fields::name("name", &wanted.name)?;
        wanted.description.as_deref().map_or(Ok(()), |text| fields::short("description", text))?;
        let specs = wanted.extra_specs.into_iter().filter_map(|(key, value)| Some((key, value?)));
        let extra_specs = specs.collect();
        fields::pairs("extra_specs", &extra_specs)?;
        Ok(NewVolumeType {
            name: wanted.name.trim().to_owned(),
            description: wanted.description,
            is_public: wanted.is_public.unwrap_or(true),
            extra_specs,
        })
    }
}

impl UpdateBody {
    /// What is to change.
    pub fn parse(self) -> Result<TypeChanges, Error> {
        let wanted = self.volume_type;
        let (name, description) = (wanted.name.flatten(), wanted.description.flatten());
        if name.is_none() && description.is_none() && wanted.is_public.is_none() {
            return Err(Error::Invalid(
                "Specify volume type name, description, is_public or a combination thereof.".into(),
            ));
        }
        name.as_deref().map_or(Ok(()), |text| fields::name("name", text))?;
        description.as_deref().map_or(Ok(()), |text| fields::short("description", text))?;
        Ok(TypeChanges {
            name: name.map(|name| name.trim().to_owned()),
            description,
            is_public: wanted.is_public,
        })
    }
}
