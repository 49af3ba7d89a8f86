//! A volume type as Cinder shows it.

use hatchery_model::caller::Caller;
use hatchery_model::volume::VolumeType;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The extra specs that whoever is no administrator sees.
const VISIBLE: [&str; 3] = ["RESKEY:availability_zones", "multiattach", "replication_enabled"];

/// Those specs that the caller may see.
pub fn extra_specs(caller: &Caller, volume_type: &VolumeType) -> BTreeMap<String, String> {
    let mut specs = volume_type.extra_specs.clone();
    if !caller.is_admin() {
        specs.retain(|key, _| VISIBLE.contains(&key.as_str()));
    }
    specs
}

/// The whole type.
pub fn whole(caller: &Caller, volume_type: &VolumeType) -> Value {
    let mut shown = json!({
        "id": volume_type.id,
        "name": volume_type.name,
        "description": volume_type.description,
        "is_public": volume_type.is_public,
        "extra_specs": extra_specs(caller, volume_type),
    });
    if caller.has_role("member") || caller.is_admin() {
        shown["os-volume-type-access:is_public"] = json!(volume_type.is_public);
    }
    if caller.is_admin() {
        shown["qos_specs_id"] = json!(volume_type.qos_specs);
    }
    shown
}
