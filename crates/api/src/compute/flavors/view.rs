//! A flavor as Nova shows it, by microversion.

use crate::compute::links;
use crate::compute::microversion::Microversion;
use crate::compute::versions::Root;
use hatchery_model::compute::Flavor;
use serde_json::{Value, json};

/// `{id, name, links}`, with the description since 2.55.
pub fn brief(root: &Root, version: Microversion, flavor: &Flavor) -> Value {
    let mut shown = json!({
        "id": flavor.id,
        "name": flavor.name,
        "links": links::both(root, &format!("flavors/{}", flavor.id)),
    });
    if version.0 >= 55 {
        shown["description"] = json!(flavor.description);
    }
    shown
}

/// The whole flavor.
pub fn whole(root: &Root, version: Microversion, flavor: &Flavor) -> Value {
    let mut shown = brief(root, version, flavor);
    shown["vcpus"] = json!(flavor.vcpus);
    shown["ram"] = json!(flavor.memory_mib);
    shown["disk"] = json!(flavor.root_gib);
    shown["OS-FLV-EXT-DATA:ephemeral"] = json!(flavor.ephemeral_gib);
    // An empty text until 2.75, for ever after a number.
    shown["swap"] = match flavor.swap_mib {
        0 if version.0 < 75 => json!(""),
        swap => json!(swap),
    };
    shown["OS-FLV-DISABLED:disabled"] = json!(flavor.disabled);
    shown["os-flavor-access:is_public"] = json!(flavor.is_public);
    shown["rxtx_factor"] = json!(f64::from(flavor.rxtx_factor_percent) / 100.0);
    if version.0 >= 61 {
        shown["extra_specs"] = json!(flavor.extra_specs);
    }
    shown
}
