//! The `openstack` client, unchanged, keeps aggregates, and has an image's base on a host before the first create.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use hatchery_tests::{Settings, World, sample_qcow2};
use serde_json::Value;

#[test]
fn the_client_keeps_aggregates() {
    let world = World::start(Settings::sim());
    let openstack = world.openstack();
    let hosts = openstack.json(&["compute", "service", "list"]);
    let host = hosts[0]["Host"].as_str().unwrap().to_owned();

    let made = openstack.json(&["aggregate", "create", "fast", "--zone", "east"]);
    assert_eq!((&made["name"], &made["availability_zone"]), (&"fast".into(), &"east".into()));
    let with = openstack.json(&["aggregate", "add", "host", "fast", &host]);
    assert_eq!(with["hosts"], serde_json::json!([host]));
    openstack.run(&["aggregate", "set", "fast", "--property", "disk=ssd", "--name", "faster"]);
    let shown = openstack.json(&["aggregate", "show", "faster"]);
    assert_eq!(shown["properties"]["disk"], "ssd", "{shown}");
    let zones = openstack.json(&["availability", "zone", "list", "--compute"]);
    assert_eq!(zones[0]["Zone Name"], "east");

    let image = sample_qcow2(world.state(), 8);
    let created = openstack.json(&[
        "image",
        "create",
        "tiny",
        "--file",
        image.to_str().unwrap(),
        "--disk-format",
        "qcow2",
        "--container-format",
        "bare",
    ]);
    let id = created["id"].as_str().unwrap();
    openstack.run(&["aggregate", "cache", "image", "faster", "tiny"]);
    let status = images(&world, shown["id"].as_u64().unwrap());
    assert_eq!(status[0]["id"], id);
    assert_eq!(status[0]["hosts"][0]["host"], host.as_str());

    openstack.run(&["aggregate", "unset", "faster", "--property", "disk"]);
    let listed = openstack.json(&["aggregate", "list", "--long"]);
    assert_eq!(listed.as_array().unwrap().len(), 1);
    assert_eq!(listed[0]["Properties"].get("disk"), None, "{listed}");
    let (deleted, _, refusal) = openstack.try_run(&["aggregate", "delete", "faster"]);
    assert!(!deleted && refusal.contains("Host aggregate is not empty"), "{refusal}");
    openstack.run(&["aggregate", "remove", "host", "faster", &host]);
    openstack.run(&["aggregate", "delete", "faster"]);
    assert_eq!(openstack.json(&["aggregate", "list"]), serde_json::json!([]));
    let zones = openstack.json(&["availability", "zone", "list", "--compute"]);
    assert_eq!(zones[0]["Zone Name"], "nova");
}

/// `GET /os-aggregates/{id}/images`, by the SDK's own session.
fn images(world: &World, aggregate: u64) -> Value {
    let script = format!(
        "import json, openstack\n\
         cloud = openstack.connect()\n\
         answer = cloud.compute.get('/os-aggregates/{aggregate}/images', microversion='2.81')\n\
         print(json.dumps(answer.json()['images']))"
    );
    let out = world.openstack().python().args(["-c", &script]).output().unwrap();
    let text = String::from_utf8_lossy(&out.stdout);
    serde_json::from_str(&text)
        .unwrap_or_else(|error| panic!("{error}: {text}{}", String::from_utf8_lossy(&out.stderr)))
}
