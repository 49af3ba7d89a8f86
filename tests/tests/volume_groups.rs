//! Groups of volumes: the newest `openstack` client, unchanged, against the running cloud.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use hatchery_tests::{Openstack, Settings, World, eventually};
use serde_json::{Value, json};

/// Seconds until the agent has surely done an order.
const PATIENCE: u64 = 60;

/// With a microversion that knows groups.
fn newer<'a>(line: &[&'a str]) -> Vec<&'a str> {
    [&["--os-volume-api-version", "3.38"], line].concat()
}

fn wait_until_gone(openstack: &Openstack, list: &[&str]) {
    eventually(&format!("{list:?} is empty"), PATIENCE, || {
        let left = openstack.json(list);
        if left == json!([]) { Ok(()) } else { Err(left.to_string()) }
    });
}

fn wait_for(openstack: &Openstack, show: &[&str], field: &str, status: &str) -> Value {
    eventually(&format!("{show:?} is {status}"), PATIENCE, || {
        let shown = openstack.json(show);
        if shown[field] == status { Ok(shown) } else { Err(shown.to_string()) }
    })
}

#[test]
fn a_group_is_made_kept_copied_and_removed() {
    let world = World::start(Settings::sim());
    let (openstack, admin) = (world.openstack(), world.admin());
    openstack.run(&newer(&["volume", "group", "type", "create", "loose"]));
    let create = ["volume", "group", "create", "--volume-group-type", "loose"];
    let more = ["--volume-type", "__DEFAULT__", "--name", "app"];
    let made = openstack.json(&newer(&[&create[..], &more].concat()));
    assert_eq!((&made["Name"], &made["Status"]), (&json!("app"), &json!("available")), "{made}");
    let group = made["ID"].as_str().unwrap();
    openstack.run(&["volume", "create", "data", "--size", "1"]);
    let data = wait_for(&openstack, &["volume", "show", "data"], "status", "available");
    let wanted = json!({"group": {"add_volumes": data["id"]}});
    admin.volume("PUT", &format!("/groups/{group}"), &wanted).expect(202);

    openstack.run(&newer(&["volume", "group", "snapshot", "create", "app", "--name", "kept"]));
    let show = newer(&["volume", "group", "snapshot", "show", "kept"]);
    wait_for(&openstack, &show, "Status", "available");
    let copy = ["volume", "group", "create", "--group-snapshot", "kept", "--name", "copy"];
    openstack.run(&newer(&copy));
    wait_for(&openstack, &newer(&["volume", "group", "show", "copy"]), "Status", "available");
    assert_eq!(openstack.json(&["volume", "list"]).as_array().unwrap().len(), 2);
    let (ok, _, err) = openstack.try_run(&["volume", "delete", "data"]);
    assert!(!ok && err.contains("belong to a group"), "{err}");

    openstack.run(&newer(&["volume", "group", "snapshot", "delete", "kept"]));
    wait_until_gone(&openstack, &newer(&["volume", "group", "snapshot", "list"]));
    for name in ["app", "copy"] {
        openstack.run(&newer(&["volume", "group", "delete", "--force", name]));
    }
    wait_until_gone(&openstack, &newer(&["volume", "group", "list"]));
    wait_until_gone(&openstack, &["volume", "list"]);
    openstack.run(&newer(&["volume", "group", "type", "delete", "loose"]));
}
