//! What administrators set of volume types: the newest `openstack` client, unchanged, against the running cloud.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use hatchery_tests::{Settings, World};
use serde_json::json;

#[test]
fn qos_specs_hold_for_a_type() {
    let world = World::start(Settings::sim());
    let openstack = world.openstack();
    openstack.run(&["volume", "type", "create", "gold"]);
    let create = ["volume", "qos", "create", "fast", "--consumer", "front-end"];
    let made = openstack.json(&[&create[..], &["--property", "total_iops_sec=500"]].concat());
    assert_eq!((&made["name"], &made["consumer"]), (&json!("fast"), &json!("front-end")));
    openstack.run(&["volume", "qos", "set", "fast", "--property", "read_bytes_sec=1048576"]);
    openstack.run(&["volume", "qos", "unset", "fast", "--property", "total_iops_sec"]);
    openstack.run(&["volume", "qos", "associate", "fast", "gold"]);
    let shown = openstack.json(&["volume", "qos", "show", "fast"]);
    assert_eq!(shown["properties"], json!({"read_bytes_sec": "1048576"}), "{shown}");
    assert_eq!(shown["associations"], json!(["gold"]), "{shown}");
    let listed = openstack.json(&["volume", "qos", "list"]);
    assert_eq!(listed[0]["Associations"], json!(["gold"]), "{listed}");
    let (ok, _, err) = openstack.try_run(&["volume", "qos", "delete", "fast"]);
    assert!(!ok && err.contains("failed to delete"), "{err}");
    openstack.run(&["volume", "qos", "disassociate", "fast", "--volume-type", "gold"]);
    openstack.run(&["volume", "qos", "delete", "fast"]);
    assert_eq!(openstack.json(&["volume", "qos", "list"]), json!([]));

    let filters = ["block", "storage", "resource", "filter", "show", "backup"];
    let filters = openstack.json(&[&["--os-volume-api-version", "3.33"], &filters[..]].concat());
    assert_eq!(filters["Filters"], json!(["name", "status", "volume_id"]), "{filters}");
}
