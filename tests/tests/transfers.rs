//! A volume goes from one project to another: the newest `openstack` client, unchanged, against the running cloud.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use hatchery_tests::{Openstack, Settings, World, eventually};
use serde_json::{Value, json};

/// Seconds until the agent has surely done an order.
const PATIENCE: u64 = 60;

fn wait_for(openstack: &Openstack, show: &[&str], status: &str) -> Value {
    eventually(&format!("{show:?} is {status}"), PATIENCE, || {
        let shown = openstack.json(show);
        if shown["status"] == status { Ok(shown) } else { Err(shown.to_string()) }
    })
}

/// The command line of somebody in the project `theirs`.
fn as_them<'a>(line: &[&'a str]) -> Vec<&'a str> {
    let who = ["--os-username", "them", "--os-password", "secret", "--os-project-name", "theirs"];
    [&who[..], line].concat()
}

#[test]
fn a_volume_is_given_to_another_project() {
    let world = World::start(Settings::sim());
    let openstack = world.openstack();
    openstack.run(&["project", "create", "theirs"]);
    openstack.run(&["user", "create", "--password", "secret", "them"]);
    openstack.run(&["role", "add", "--user", "them", "--project", "theirs", "member"]);
    openstack.run(&["volume", "create", "gift", "--size", "1"]);
    wait_for(&openstack, &["volume", "show", "gift"], "available");
    openstack.run(&["volume", "snapshot", "create", "--volume", "gift", "kept"]);
    wait_for(&openstack, &["volume", "snapshot", "show", "kept"], "available");

    // Offered, listed, shown, taken back.
    let create = ["volume", "transfer", "request", "create", "--name", "offer", "gift"];
    openstack.run(&create);
    wait_for(&openstack, &["volume", "show", "gift"], "awaiting-transfer");
    let listed = openstack.json(&["volume", "transfer", "request", "list"]);
    assert_eq!(listed[0]["Name"], "offer", "{listed}");
    let shown = openstack.json(&["volume", "transfer", "request", "show", "offer"]);
    assert_eq!((&shown["name"], &shown["auth_key"]), (&json!("offer"), &Value::Null), "{shown}");
    let id = shown["id"].as_str().unwrap();
    openstack.run(&["volume", "transfer", "request", "delete", id]);
    wait_for(&openstack, &["volume", "show", "gift"], "available");

    // Offered again, and taken by somebody of the other project who knows the key.
    let made = openstack.json(&create);
    let (id, key) = (made["id"].as_str().unwrap(), made["auth_key"].as_str().unwrap());
    let (ok, _, err) = openstack.try_run(&["volume", "delete", "gift"]);
    assert!(!ok && err.contains("awaiting a transfer"), "{err}");
    let accept = ["volume", "transfer", "request", "accept", id, "--auth-key"];
    let (ok, _, err) = openstack.try_run(&as_them(&[&accept[..], &["wrong"]].concat()));
    assert!(!ok && err.contains("Invalid auth key"), "{err}");
    openstack.run(&as_them(&[&accept[..], &[key]].concat()));
    let theirs = openstack.json(&as_them(&["volume", "list"]));
    assert_eq!((&theirs[0]["Name"], &theirs[0]["Status"]), (&json!("gift"), &json!("available")));
    let snapshots = openstack.json(&as_them(&["volume", "snapshot", "list"]));
    assert_eq!(snapshots[0]["Name"], "kept", "{snapshots}");
    assert_eq!(openstack.json(&["volume", "list"]), json!([]));
    assert_eq!(openstack.json(&["volume", "transfer", "request", "list"]), json!([]));

    // What they have, they can use and delete.
    let (volume, snapshot) = (theirs[0]["ID"].as_str().unwrap(), snapshots[0]["ID"].as_str());
    openstack.run(&as_them(&["volume", "snapshot", "delete", snapshot.unwrap()]));
    eventually("the snapshot is gone", PATIENCE, || {
        let left = openstack.json(&as_them(&["volume", "snapshot", "list"]));
        if left == json!([]) { Ok(()) } else { Err(left.to_string()) }
    });
    openstack.run(&as_them(&["volume", "delete", volume]));
    eventually("the volume is gone", PATIENCE, || {
        let left = openstack.json(&as_them(&["volume", "list"]));
        if left == json!([]) { Ok(()) } else { Err(left.to_string()) }
    });
}
