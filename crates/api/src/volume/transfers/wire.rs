//! Bodies of requests about offers, and what they mean.

use crate::volume::fields::{self, flexible_bool};
use crate::volume::microversion::Microversion;
use hatchery_control::Error;
use hatchery_control::volume::TransferRequest;
use serde::Deserialize;
use serde_json::Value;

/// Snapshots may stay since then.
pub const SNAPSHOTS: u32 = 55;

/// `{"transfer": {…}}`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateBody {
    transfer: CreateTransfer,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CreateTransfer {
    volume_id: String,
    #[serde(default)]
    name: Option<String>,
    #[serde(default, deserialize_with = "flexible_bool")]
    no_snapshots: Option<bool>,
}

/// `{"accept": {"auth_key": …}}`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AcceptBody {
    accept: Accept,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Accept {
    auth_key: Value,
}

impl CreateBody {
    /// `Invalid` where a field is not what Cinder takes.
    pub fn parse(self, version: Microversion) -> Result<TransferRequest, Error> {
        let given = self.transfer;
        if given.no_snapshots.is_some() && version.0 < SNAPSHOTS {
            return Err(Error::Invalid(format!(
                "Additional properties are not allowed ('no_snapshots' was unexpected before microversion 3.{SNAPSHOTS})"
            )));
        }
        if let Some(name) = &given.name {
            fields::name("name", name.trim())?;
        }
        let id = &given.volume_id;
        let volume = id.parse().map_err(|_| {
            Error::Invalid(format!(
                "Invalid input for field/attribute volume_id. Value: {id}. '{id}' is not a 'uuid'."
            ))
        })?;
        Ok(TransferRequest {
            volume,
            name: given.name.map(|name| name.trim().to_owned()),
            no_snapshots: given.no_snapshots == Some(true),
        })
    }
}

impl AcceptBody {
    /// The key. As with Cinder, one of digits only may be a number.
    pub fn parse(self) -> Result<String, Error> {
        match self.accept.auth_key {
            Value::String(text) => Ok(text),
            Value::Number(number) if number.is_i64() || number.is_u64() => Ok(number.to_string()),
            other => Err(Error::Invalid(format!(
                "Invalid input for field/attribute auth_key. Value: {other}. It is neither a string nor an integer."
            ))),
        }
    }
}
