//! `block_device_mapping_v2` and its older spelling: the disks of a new server, judged as Nova judges them.

use crate::compute::fields::{flexible_bool, present, too_new};
use crate::compute::microversion::Microversion;
use hatchery_control::Error;
use hatchery_control::compute::{DiskContent, ServerDisk};
use hatchery_model::id::ImageId;
use serde::Deserialize;
use serde_json::Value;
use std::str::FromStr;

/// Where the root disk is, unless something else is said.
const ROOT: &str = "vda";
/// Since then a new volume may have a type.
const VOLUME_TYPE: u32 = 67;

/// One of a block device mapping.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BlockDevice {
    #[serde(deserialize_with = "present")]
    source_type: Option<String>,
    #[serde(deserialize_with = "present")]
    destination_type: Option<String>,
    #[serde(deserialize_with = "present")]
    uuid: Option<String>,
    boot_index: Option<Value>,
    #[serde(deserialize_with = "present")]
    volume_size: Option<Value>,
    #[serde(deserialize_with = "flexible_bool")]
    delete_on_termination: Option<bool>,
    #[serde(deserialize_with = "present")]
    device_name: Option<String>,
    #[serde(deserialize_with = "present")]
    volume_type: Option<String>,
    #[serde(deserialize_with = "present")]
    tag: Option<String>,
    no_device: Option<Value>,
    #[serde(deserialize_with = "present")]
    volume_id: Option<String>,
    #[serde(deserialize_with = "present")]
    snapshot_id: Option<String>,
    #[serde(deserialize_with = "present", rename = "image_id")]
    _image_id: Option<String>,
    // What the disk is plugged with is this cloud's to choose.
    #[serde(deserialize_with = "present", rename = "guest_format")]
    _guest_format: Option<String>,
    #[serde(deserialize_with = "present", rename = "device_type")]
    _device_type: Option<String>,
    #[serde(deserialize_with = "present", rename = "disk_bus")]
    _disk_bus: Option<String>,
    #[serde(deserialize_with = "present")]
    virtual_name: Option<String>,
    #[serde(deserialize_with = "present", rename = "connection_info")]
    _connection_info: Option<String>,
}

/// What a new server's disks are made of.
#[derive(Debug, PartialEq, Eq)]
pub struct Disks {
    /// The image of its own disk. `None`: it boots from a volume.
    pub image: Option<ImageId>,
    /// Its volumes.
    pub volumes: Vec<ServerDisk>,
}

/// Reads both spellings. `image`: `imageRef`, empty for none.
pub fn parse(
    image: &str,
    devices: Vec<BlockDevice>,
    older: Vec<BlockDevice>,
    version: Microversion,
) -> Result<Disks, Error> {
    let image = match image {
        "" => None,
        image => {
            let id = image.parse().ok().filter(|_| image.len() == 36);
            Some(id.ok_or_else(|| Error::Invalid("Invalid imageRef provided.".into()))?)
        }
    };
    match (devices.is_empty(), older.is_empty()) {
        (true, true) if image.is_none() => Err(Error::Invalid("Missing imageRef attribute".into())),
        (true, true) => Ok(Disks { image, volumes: Vec::new() }),
        (false, false) => Err(Error::Invalid(
            "Using different block_device_mapping syntaxes is not allowed in the same request."
                .into(),
        )),
        (false, true) => new_spelling(image, devices, version),
        (true, false) => older_spelling(image, older),
    }
}

fn new_spelling(
    image: Option<ImageId>,
    devices: Vec<BlockDevice>,
    version: Microversion,
) -> Result<Disks, Error> {
    let mut disks = Disks { image: None, volumes: Vec::new() };
    for device in devices {
        if device.is_no_device() {
            continue;
        }
        // Tags came with 2.32, were lost in 2.33, and came back.
        let first = if version.0 <= 32 { 32 } else { 42 };
        too_new(version, "tag", first, device.tag.is_some())?;
        too_new(version, "volume_type", VOLUME_TYPE, device.volume_type.is_some())?;
        let boot_index = device.boot_index()?;
        let kind = device.source_type.as_deref();
        let kind = kind.ok_or_else(|| wrong("Some required fields are missing"))?;
        let is_local = match device.destination_type.as_deref() {
            Some("local") => true,
            Some("volume") => false,
            None => matches!(kind, "image" | "blank"),
            Some(other) => {
                return Err(wrong(&format!("'{other}' is neither local nor volume")));
            }
        };
        if is_local && device.volume_type.is_some() {
            return Err(wrong(
                "Specifying a volume_type with destination_type=local is not supported.",
            ));
        }
        let content = device.content(kind)?;
        match (content, is_local) {
            (DiskContent::Image(_), true) => {
                if image.is_none() || boot_index != Some(0) {
                    return Err(wrong("Mapping image to local is not supported."));
                }
                disks.image = image;
            }
            (DiskContent::Blank, true) => {
                return Err(wrong("blank local disks are not available here"));
            }
            (DiskContent::Volume(_) | DiskContent::Snapshot(_), true) => {
                return Err(wrong(&format!("a {kind} cannot be mapped to a local disk")));
            }
            (content, false) => disks.volumes.push(device.into_disk(content, boot_index, image)?),
        }
    }
    Ok(disks)
}

/// The root disk is what is mapped to `vda`, or else made from the image.
fn older_spelling(image: Option<ImageId>, devices: Vec<BlockDevice>) -> Result<Disks, Error> {
    let mut disks = Disks { image, volumes: Vec::new() };
    for device in devices {
        if device.is_no_device() {
            continue;
        }
        let content = match (&device.virtual_name, &device.snapshot_id, &device.volume_id) {
            (Some(name), ..) if name == "swap" || name.starts_with("ephemeral") => {
                return Err(wrong("blank local disks are not available here"));
            }
            (_, Some(id), _) if !id.is_empty() => DiskContent::Snapshot(uuid(id)?),
            (_, _, Some(id)) if !id.is_empty() => DiskContent::Volume(uuid(id)?),
            _ => return Err(wrong("Unrecognized legacy format.")),
        };
        let is_root = device.device_name.as_deref().map(short_name) == Some(ROOT);
        if is_root {
            disks.image = None;
        }
        disks.volumes.push(device.into_disk(content, is_root.then_some(0), None)?);
    }
    Ok(disks)
}

impl BlockDevice {
    fn is_no_device(&self) -> bool {
        match &self.no_device {
            None | Some(Value::Null | Value::Bool(false)) => false,
            Some(Value::String(text)) => !text.is_empty(),
            Some(_) => true,
        }
    }

    /// Negative and null: the guest does not boot from it.
    fn boot_index(&self) -> Result<Option<u32>, Error> {
        let number = match &self.boot_index {
            None | Some(Value::Null) => return Ok(None),
            Some(Value::Number(number)) => number.as_i64(),
            Some(Value::String(text)) => text.parse().ok(),
            Some(_) => None,
        };
        match number {
            Some(number) => Ok(u32::try_from(number).ok()),
            None => Err(wrong("Boot index is invalid.")),
        }
    }

    fn content(&self, kind: &str) -> Result<DiskContent, Error> {
        let uuid_of = self.uuid.as_deref().filter(|id| !id.is_empty());
        let id = || uuid_of.ok_or_else(|| wrong("Missing device UUID."));
        match kind {
            "volume" if self.volume_type.is_some() => {
                Err(wrong("Specifying volume type to existing volume is not supported."))
            }
            "volume" => Ok(DiskContent::Volume(uuid(id()?)?)),
            "snapshot" => Ok(DiskContent::Snapshot(uuid(id()?)?)),
            "image" => Ok(DiskContent::Image(uuid(id()?)?)),
            "blank" if uuid_of.is_some() => Err(wrong("Invalid device UUID.")),
            "blank" => Ok(DiskContent::Blank),
            other => Err(wrong(&format!("'{other}' is not a source of a disk"))),
        }
    }

    fn into_disk(
        self,
        content: DiskContent,
        boot_index: Option<u32>,
        image: Option<ImageId>,
    ) -> Result<ServerDisk, Error> {
        let device = self.device_name;
        if let Some(name) = &device {
            let sign = |c: char| c.is_ascii_alphanumeric() || "._/-".contains(c);
            if name.is_empty() || name.len() > 255 || !name.chars().all(sign) {
                return Err(wrong(
                    "Device name empty or too long, or with other signs than letters, digits and ._/-",
                ));
            }
            if image.is_some() && short_name(name) == ROOT {
                return Err(Error::Invalid(format!(
                    "The volume cannot be assigned the same device name as the root device {ROOT}"
                )));
            }
        }
        if self.tag.as_deref().is_some_and(|tag| !super::create::is_tag(tag)) {
            return Err(Error::Invalid(
                "Invalid input for field/attribute tag. 1 to 60 characters are wanted, none of them '/' or ','.".into(),
            ));
        }
        Ok(ServerDisk {
            content,
            size_gib: self.volume_size.as_ref().map(size).transpose()?,
            boot_index,
            delete_on_termination: self.delete_on_termination.unwrap_or(false),
            device,
            volume_type: self.volume_type.filter(|name| !name.is_empty()),
            tag: self.tag,
        })
    }
}

fn size(given: &Value) -> Result<u64, Error> {
    let number = match given {
        Value::Number(number) => number.as_u64(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    };
    number.filter(|gib| (1..=0x7FFF_FFFF).contains(gib)).ok_or_else(|| {
        Error::Invalid(format!(
            "Invalid input for field/attribute volume_size. Value: {given}. A whole number of at least 1 is wanted."
        ))
    })
}

fn short_name(device: &str) -> &str {
    device.trim_start_matches("/dev/")
}

fn uuid<T: FromStr>(text: &str) -> Result<T, Error> {
    text.parse().map_err(|_| wrong(&format!("'{text}' is not a UUID")))
}

fn wrong(details: &str) -> Error {
    Error::Invalid(format!("Block Device Mapping is Invalid: {details}"))
}

#[cfg(test)]
mod tests {
    use super::{BlockDevice, Disks, parse};
    use crate::compute::microversion::Microversion;
    use hatchery_control::Error;
    use hatchery_control::compute::DiskContent;
    use serde_json::{Value, json};

    const ID: &str = "00000000-0000-0000-0000-000000000001";

    fn read(image: &str, new: Value, older: Value, version: u32) -> Result<Disks, Error> {
        let list = |value| serde_json::from_value::<Vec<BlockDevice>>(value);
        let both = list(new).and_then(|new| Ok((new, list(older)?)));
        let (new, older) = both.map_err(|error| Error::Invalid(error.to_string()))?;
        parse(image, new, older, Microversion(version))
    }

    #[test]
    fn reads_what_clients_send() {
        let root = json!([{"uuid": ID, "source_type": "image", "destination_type": "volume",
            "boot_index": "0", "volume_size": "2", "delete_on_termination": "true", "device_type": "disk",
            "disk_bus": "virtio"}]);
        let disks = read("", root, json!([]), 1).unwrap();
        let root = &disks.volumes[0];
        assert_eq!((disks.image, root.size_gib, root.boot_index), (None, Some(2), Some(0)));
        assert_eq!(root.content, DiskContent::Image(ID.parse().unwrap()));
        assert!(root.delete_on_termination);
        let beside = json!([
            {"uuid": ID, "source_type": "image", "destination_type": "local", "boot_index": 0},
            {"uuid": ID, "source_type": "volume", "destination_type": "volume", "boot_index": -1, "device_name": "vdb"},
            {"source_type": "blank", "destination_type": "volume", "volume_size": 1, "boot_index": null},
            {"no_device": true},
        ]);
        let disks = read(ID, beside, json!([]), 1).unwrap();
        assert_eq!(disks.image, Some(ID.parse().unwrap()));
        let indexes: Vec<_> = disks.volumes.iter().map(|disk| disk.boot_index).collect();
        assert_eq!(indexes, [None, None]);
        let older = json!([{"device_name": "/dev/vda", "volume_id": ID}, {"device_name": "vdb", "snapshot_id": ID}]);
        let disks = read(ID, json!([]), older, 1).unwrap();
        assert_eq!((disks.image, disks.volumes[0].boot_index), (None, Some(0)));
        assert_eq!(disks.volumes[1].content, DiskContent::Snapshot(ID.parse().unwrap()));
    }

    #[test]
    fn refuses_what_nova_refuses() {
        let volume = json!([{"uuid": ID, "source_type": "volume", "boot_index": 0}]);
        assert!(read("", volume.clone(), json!([]), 1).is_ok());
        assert!(read("", json!([]), json!([]), 1).is_err());
        assert!(read("x", json!([]), json!([]), 1).is_err());
        assert!(read("", volume, json!([{"volume_id": ID}]), 1).is_err());
        for (version, device) in [
            (1, json!({"uuid": ID})),
            (1, json!({"source_type": "volume"})),
            (1, json!({"source_type": "volume", "uuid": "x"})),
            (1, json!({"source_type": "blank", "uuid": ID, "destination_type": "volume"})),
            (1, json!({"source_type": "blank"})),
            (1, json!({"source_type": "tape", "uuid": ID})),
            (
                1,
                json!({"source_type": "image", "uuid": ID, "destination_type": "local", "boot_index": 0}),
            ),
            (1, json!({"source_type": "volume", "uuid": ID, "destination_type": "local"})),
            (1, json!({"source_type": "volume", "uuid": ID, "boot_index": "first"})),
            (1, json!({"source_type": "volume", "uuid": ID, "volume_size": 0})),
            (1, json!({"source_type": "volume", "uuid": ID, "device_name": "a b"})),
            (1, json!({"source_type": "volume", "uuid": ID, "colour": 1})),
            (31, json!({"source_type": "volume", "uuid": ID, "tag": "a"})),
            (33, json!({"source_type": "volume", "uuid": ID, "tag": "a"})),
            (42, json!({"source_type": "volume", "uuid": ID, "tag": "a,b"})),
            (66, json!({"source_type": "snapshot", "uuid": ID, "volume_type": "slow"})),
            (67, json!({"source_type": "volume", "uuid": ID, "volume_type": "slow"})),
        ] {
            let found = read("", json!([device]), json!([]), version);
            assert!(found.is_err(), "{device}: {found:?}");
        }
        let on_root = json!([{"source_type": "volume", "uuid": ID, "device_name": "vda"}]);
        assert!(read(ID, on_root, json!([]), 1).is_err());
        assert!(read("", json!([]), json!([{"device_name": "vdb"}]), 1).is_err());
    }
}
