//! A volume as Cinder shows it, by microversion.

use crate::http::time;
use crate::volume::address::Address;
use crate::volume::microversion::Microversion;
use hatchery_control::volume::VolumeDetail;
use hatchery_model::caller::Caller;
use hatchery_model::id::VolumeId;
use hatchery_model::volume::{Attachment, AttachmentState, MigrationStatus, Volume, VolumeWay};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// The id of a volume in a path.
pub fn volume_id(text: &str) -> Result<VolumeId, hatchery_control::Error> {
    crate::volume::fields::id_of("Volume", text)
}

/// Who looks, in which microversion, and from where.
pub struct Viewer<'a> {
    /// Makes the links.
    pub address: &'a Address,
    /// What the request speaks.
    pub version: Microversion,
    /// Who looks.
    pub caller: &'a Caller,
}

impl Viewer<'_> {
    /// `{id, name, links}`
    pub fn brief(&self, detail: &VolumeDetail) -> Value {
        let volume = &detail.volume;
        json!({"id": volume.id, "name": volume.name, "links": self.links(volume.id)})
    }

    fn links(&self, id: VolumeId) -> Value {
        self.address.links(&format!("volumes/{id}"))
    }

    /// The whole volume.
    pub fn whole(&self, detail: &VolumeDetail) -> Value {
        let volume = &detail.volume;
        let mut shown = json!({
            "id": volume.id,
            "status": volume.state.status(),
            "size": volume.size_gib,
            "availability_zone": volume.availability_zone,
            "created_at": time::micros(volume.created_at),
            "updated_at": time::micros(volume.updated_at),
            "name": volume.name,
            "description": volume.description,
            "volume_type": detail.type_name,
            "snapshot_id": volume.source_snapshot,
            "source_volid": volume.source_volume,
            "metadata": metadata(volume),
            "links": self.links(volume.id),
            "user_id": volume.user,
            "bootable": volume.bootable.to_string(),
            "encrypted": false,
            "replication_status": null,
            "consistencygroup_id": null,
            "multiattach": volume.multiattach,
            "attachments": self.attachments(&detail.attachments),
            "os-vol-tenant-attr:tenant_id": volume.project,
        });
        if !volume.image_metadata.is_empty() {
            shown["volume_image_metadata"] = json!(volume.image_metadata);
        }
        if self.caller.is_admin() {
            let migration = json!(volume.migration_status().map(MigrationStatus::as_str));
            shown["migration_status"] = migration.clone();
            shown["os-vol-host-attr:host"] =
                json!(volume.backend.as_ref().map(|at| at.to_string()));
            shown["os-vol-mig-status-attr:migstat"] = migration;
            // The id, and with it the name on the backend, stays.
            shown["os-vol-mig-status-attr:name_id"] = Value::Null;
            if let Some(taken) = &volume.way {
                shown["os-hatchery:way"] = way(taken);
            }
        }
        self.add_newer(volume, &mut shown);
        shown
    }

    /// A volume that has just been asked for, without what Cinder adds when it is looked at.
    pub fn made(&self, detail: &VolumeDetail) -> Value {
        let mut shown = self.whole(detail);
        if let Some(shown) = shown.as_object_mut() {
            shown.retain(|key, _| !key.starts_with("os-") && key != "volume_image_metadata");
        }
        shown
    }

    /// What came with later microversions.
    fn add_newer(&self, volume: &Volume, shown: &mut Value) {
        let (version, admin) = (self.version.0, self.caller.is_admin());
        for (first, is_shown, name, value) in [
            (13, true, "group_id", json!(volume.group)),
            (21, admin, "provider_id", Value::Null),
            (48, true, "shared_targets", json!(false)),
            (48, true, "service_uuid", Value::Null),
            (61, admin, "cluster_name", Value::Null),
            (63, true, "volume_type_id", json!(volume.volume_type)),
            (65, true, "consumes_quota", json!(true)),
        ] {
            if version >= first && is_shown {
                shown[name] = value;
            }
        }
    }

    fn attachments(&self, all: &[Attachment]) -> Vec<Value> {
        let attached = all.iter().filter(|one| one.state == AttachmentState::Attached);
        attached
            .map(|one| {
                json!({
                    "id": one.volume,
                    "attachment_id": one.id,
                    "volume_id": one.volume,
                    "server_id": one.server,
                    "host_name": one.host.as_ref().filter(|_| self.caller.is_admin()),
                    "device": one.mountpoint,
                    "attached_at": one.attached_at.map(time::micros),
                })
            })
            .collect()
    }
}

/// The user's pairs, and what Cinder shows among them.
pub fn metadata(volume: &Volume) -> BTreeMap<String, String> {
    let mut shown = volume.metadata.clone();
    if volume.read_only || volume.read_only_said {
        let said = if volume.read_only { "True" } else { "False" };
        shown.insert("readonly".into(), said.into());
    }
    shown
}

/// How the volume came to the image's bytes, for administrators.
fn way(way: &VolumeWay) -> Value {
    let refused: Map<String, Value> = way
        .refused
        .iter()
        .map(|refusal| (refusal.rung.as_str().to_owned(), json!(refusal.reason)))
        .collect();
    json!({
        "way": way.rung.as_str(),
        "refused": refused,
        "bytes_copied": way.bytes_copied.map(|bytes| bytes.0),
        "milliseconds": way.took_ms,
    })
}
