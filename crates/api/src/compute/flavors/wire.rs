//! What a user sends to make flavors.

use crate::compute::fields::{self, flexible_bool, present, too_new};
use crate::compute::microversion::Microversion;
use hatchery_control::Error;
use hatchery_control::compute::NewFlavor;
use hatchery_model::id::FlavorId;
use serde::Deserialize;
use serde_json::Value;

/// Characters of a flavor's description at the most.
const MAX_DESCRIPTION: usize = 65_535;

/// `{"flavor": {…}}`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateBody {
    flavor: CreateFlavor,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CreateFlavor {
    name: String,
    #[serde(default)]
    id: Option<Value>,
    ram: Value,
    vcpus: Value,
    disk: Value,
    #[serde(rename = "OS-FLV-EXT-DATA:ephemeral", default, deserialize_with = "present")]
    ephemeral: Option<Value>,
    #[serde(default, deserialize_with = "present")]
    swap: Option<Value>,
    #[serde(default, deserialize_with = "present")]
    rxtx_factor: Option<Value>,
    #[serde(rename = "os-flavor-access:is_public", default, deserialize_with = "flexible_bool")]
    is_public: Option<bool>,
    #[serde(default, deserialize_with = "present")]
    description: Option<Option<String>>,
}

/// `{"flavor": {"description": …}}` (2.55)
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UpdateBody {
    /// The flavor.
    pub flavor: UpdateFlavor,
}

/// What of a flavor can change.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UpdateFlavor {
    /// Free text, or null for none. A field with `deserialize_with` may not be absent.
    #[serde(deserialize_with = "Option::deserialize")]
    pub description: Option<String>,
}

/// Nova takes whole numbers as numbers or digits.
fn whole(field: &str, value: &Value) -> Result<u64, Error> {
    let number = match value {
        Value::Number(number) => number.as_u64(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    };
    number.ok_or_else(|| {
        Error::Invalid(format!(
            "Invalid input for field/attribute {field}. Value: {value}. A whole number of 0 or more is wanted."
        ))
    })
}

/// A flavor's description: longer than a server's, and without control characters too.
pub fn check_description(text: &str) -> Result<(), Error> {
    if text.chars().count() <= MAX_DESCRIPTION && !text.chars().any(char::is_control) {
        return Ok(());
    }
    Err(Error::Invalid(format!(
        "Invalid input for field/attribute description. At most {MAX_DESCRIPTION} printable characters are wanted, on one line."
    )))
}

fn factor(value: &Value) -> Result<u32, Error> {
    let number = match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    };
    match number {
        Some(number) if number > 0.0 && number < 1.0e6 => Ok((number * 100.0).round() as u32),
        _ => Err(Error::Invalid(format!(
            "Invalid input for field/attribute rxtx_factor. Value: {value}. A number above 0 is wanted."
        ))),
    }
}

impl CreateBody {
    /// The flavor that is wanted.
    pub fn parse(self, version: Microversion) -> Result<NewFlavor, Error> {
        let flavor = self.flavor;
        fields::name("name", &flavor.name)?;
        too_new(version, "description", 55, flavor.description.is_some())?;
        let description = flavor.description.flatten();
        description.as_deref().map_or(Ok(()), check_description)?;
        let optional = |field, value: &Option<Value>| {
            value.as_ref().map_or(Ok(0), |value| whole(field, value))
        };
        let id = match &flavor.id {
            None | Some(Value::Null) => None,
            Some(Value::String(text)) => Some(FlavorId::from(text.as_str())),
            Some(Value::Number(number)) => Some(FlavorId(number.to_string())),
            Some(other) => {
                return Err(Error::Invalid(format!(
                    "Invalid input for field/attribute id. Value: {other}. A text is wanted."
                )));
            }
        };
        let vcpus = whole("vcpus", &flavor.vcpus)?;
        Ok(NewFlavor {
            id,
            name: flavor.name,
            vcpus: u32::try_from(vcpus)
                .map_err(|_| Error::Invalid("vcpus is too large.".into()))?,
            memory_mib: whole("ram", &flavor.ram)?,
            root_gib: whole("disk", &flavor.disk)?,
            ephemeral_gib: optional("OS-FLV-EXT-DATA:ephemeral", &flavor.ephemeral)?,
            swap_mib: optional("swap", &flavor.swap)?,
            rxtx_factor_percent: flavor.rxtx_factor.as_ref().map_or(Ok(100), factor)?,
            is_public: flavor.is_public.unwrap_or(true),
            description,
        })
    }
}
