//! `POST /volumes`

use super::view::Viewer;
use crate::http::body::Json;
use crate::http::caller::By;
use crate::volume::address::Address;
use crate::volume::envelope::{Answer, Volume};
use crate::volume::fields::{self, bool_of};
use crate::volume::microversion::Microversion;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use hatchery_control::Error;
use hatchery_control::volume::{VolumeRequest, VolumeSource, VolumeVerbs};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Groups came then.
const GROUPS: u32 = 13;
/// Since then a body may hold nothing that is not known.
const STRICT: u32 = 53;

/// `{"volume": {…}}`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateBody {
    volume: CreateVolume,
    /// Taken, and of no effect: there is one way to choose a backend.
    #[serde(rename = "OS-SCH-HNT:scheduler_hints", default)]
    _hints: Option<Map<String, Value>>,
}

/// What a user sends. Each field may be null.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct CreateVolume {
    name: Option<String>,
    display_name: Option<String>,
    description: Option<String>,
    display_description: Option<String>,
    size: Option<Value>,
    volume_type: Option<String>,
    availability_zone: Option<String>,
    metadata: Option<BTreeMap<String, String>>,
    snapshot_id: Option<String>,
    source_volid: Option<String>,
    #[serde(rename = "imageRef")]
    image_ref: Option<String>,
    image_id: Option<String>,
    backup_id: Option<String>,
    group_id: Option<String>,
    consistencygroup_id: Option<String>,
    multiattach: Option<Value>,
    #[serde(flatten)]
    more: Map<String, Value>,
}

/// A name or a description, without the spaces at its ends.
pub fn trimmed(field: &str, text: Option<String>) -> Result<Option<String>, Error> {
    let Some(text) = text else {
        return Ok(None);
    };
    fields::short(field, text.trim())?;
    Ok(Some(text.trim().to_owned()))
}

fn uuid<T: std::str::FromStr>(field: &str, text: &str) -> Result<T, Error> {
    text.parse().map_err(|_| {
        Error::Invalid(format!(
            "Invalid input for field/attribute {field}. Value: {text}. '{text}' is not a 'uuid'."
        ))
    })
}

impl CreateVolume {
    /// What it is made of. An image may be an address that ends with its id.
    fn source(&self) -> Result<VolumeSource, Error> {
        let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let mut sources = Vec::new();
        if let Some(id) = given(&self.snapshot_id) {
            sources.push(VolumeSource::Snapshot(uuid("snapshot_id", &id)?));
        }
        if let Some(id) = given(&self.source_volid) {
            sources.push(VolumeSource::Volume(uuid("source_volid", &id)?));
        }
        if let Some(image) = given(&self.image_ref).or_else(|| given(&self.image_id)) {
            let id = image.rsplit('/').next().unwrap_or_default().parse();
            sources.push(VolumeSource::Image(id.map_err(|_| {
                Error::Invalid(
                    "Invalid image identifier or unable to access requested image.".into(),
                )
            })?));
        }
        if given(&self.backup_id).is_some() {
            return Err(Error::Unsupported("Volumes are not made of backups yet.".into()));
        }
        match sources.as_slice() {
            [] => Ok(VolumeSource::Empty),
            [one] => Ok(*one),
            _ => Err(Error::Invalid(
                "Invalid input received: give only one of snapshot_id, source_volid and imageRef."
                    .into(),
            )),
        }
    }

    fn parse(self, version: Microversion) -> Result<VolumeRequest, Error> {
        if version.0 >= STRICT
            && let Some(key) = self.more.keys().next()
        {
            return Err(Error::Invalid(format!(
                "Additional properties are not allowed ('{key}' was unexpected)"
            )));
        }
        let multiattach = match &self.multiattach {
            None => Some(false),
            Some(Value::Bool(on)) => Some(*on),
            Some(Value::String(text)) => bool_of(text),
            Some(_) => None,
        };
        match multiattach {
            Some(false) => {}
            Some(true) => {
                return Err(Error::Invalid(
                    "multiattach parameter has been removed. Use a volume type with the extra spec multiattach='<is> True'.".into(),
                ));
            }
            None => {
                return Err(Error::Invalid(
                    "Invalid input for field/attribute multiattach.".into(),
                ));
            }
        }
        if let Some(group) = self.consistencygroup_id.as_ref() {
            return Err(Error::not_found("Group", group));
        }
        let group = match self.group_id.as_ref().filter(|_| version.0 >= GROUPS) {
            None => None,
            Some(text) => Some(uuid("group_id", text)?),
        };
        let size = match &self.size {
            None => None,
            Some(size) => Some(fields::whole("size", size, 1)?.unsigned_abs()),
        };
        let source = self.source()?;
        let metadata = self.metadata.unwrap_or_default();
        fields::pairs("metadata", &metadata)?;
        for (field, text) in
            [("volume_type", &self.volume_type), ("availability_zone", &self.availability_zone)]
        {
            text.as_deref().map_or(Ok(()), |text| fields::short(field, text))?;
        }
        Ok(VolumeRequest {
            name: trimmed("name", self.name.or(self.display_name))?,
            description: trimmed("description", self.description.or(self.display_description))?,
            size_gib: size,
            source,
            volume_type: self.volume_type.filter(|name| !name.is_empty()),
            availability_zone: self.availability_zone,
            metadata,
            group,
        })
    }
}

/// Asks for a volume.
pub async fn create(
    State(verbs): State<Arc<VolumeVerbs>>,
    By(caller, _): By<Volume>,
    address: Address,
    version: Microversion,
    Json(body, _): Json<CreateBody, Volume>,
) -> Answer {
    let made = verbs.create_volume(&caller, body.volume.parse(version)?).await?;
    let viewer = Viewer { address: &address, version, caller: &caller };
    let shown = json!({"volume": viewer.made(&made)});
    Ok((StatusCode::ACCEPTED, axum::Json(shown)).into_response())
}

#[cfg(test)]
mod tests {
    use super::CreateBody;
    use crate::volume::microversion::Microversion;
    use hatchery_control::Error;
    use hatchery_control::volume::{VolumeRequest, VolumeSource};
    use serde_json::{Value, json};

    const ID: &str = "00000000-0000-0000-0000-000000000001";

    fn parse(volume: Value, version: u32) -> Result<VolumeRequest, Error> {
        let body: CreateBody = serde_json::from_value(json!({"volume": volume}))
            .map_err(|error| Error::Invalid(error.to_string()))?;
        body.volume.parse(Microversion(version))
    }

    #[test]
    fn reads_what_clients_send() {
        let image = format!("http://image/v2/images/{ID}");
        let wanted = json!({"name": " a ", "size": "2", "imageRef": image, "metadata": null, "multiattach": "no"});
        let request = parse(wanted, 0).unwrap();
        assert_eq!((request.name.as_deref(), request.size_gib), (Some("a"), Some(2)));
        assert_eq!(request.source, VolumeSource::Image(ID.parse().unwrap()));
        let nulls = json!({"size": null, "snapshot_id": ID, "source_volid": null, "imageRef": null, "consistencygroup_id": null});
        assert_eq!(parse(nulls, 71).unwrap().source, VolumeSource::Snapshot(ID.parse().unwrap()));
    }

    #[test]
    fn refuses_what_makes_no_sense() {
        for wrong in [
            json!({"size": 0}),
            json!({"size": -1}),
            json!({"size": "large"}),
            json!({"size": 1.5}),
            json!({"size": 1, "name": "x".repeat(256)}),
            json!({"size": 1, "snapshot_id": "none"}),
            json!({"size": 1, "imageRef": "none"}),
            json!({"size": 1, "snapshot_id": ID, "imageRef": ID}),
            json!({"size": 1, "multiattach": true}),
            json!({"size": 1, "consistencygroup_id": ID}),
            json!({"size": 1, "metadata": {"": "x"}}),
            json!({"size": 1, "metadata": {"x": 1}}),
        ] {
            assert!(parse(wrong.clone(), 0).is_err(), "{wrong}");
        }
        let unknown = json!({"size": 1, "colour": "red"});
        assert!(parse(unknown.clone(), 52).is_ok());
        assert!(parse(unknown, 53).is_err());
    }
}
