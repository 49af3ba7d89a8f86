//! The newest `openstack` client and `openstacksdk`, unchanged, walk through the cloud as a user does.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use hatchery_tests::{Settings, World, boot_image, eventually};
use serde_json::Value;
use std::fs;

fn names(list: &Value, field: &str) -> Vec<String> {
    let rows = list.as_array().unwrap();
    rows.iter().map(|row| row[field].as_str().unwrap().to_owned()).collect()
}

#[test]
fn the_client_walks_from_token_to_deleted_server() {
    let world = World::start(Settings::qemu());
    let openstack = world.openstack();

    let token = openstack.json(&["token", "issue"]);
    assert!(token["id"].as_str().unwrap().len() > 40);
    let catalog = openstack.json(&["catalog", "list"]);
    let mut services = names(&catalog, "Type");
    services.sort();
    assert_eq!(services, ["block-storage", "compute", "identity", "image", "network"]);

    let file = boot_image();
    let file = file.to_str().unwrap();
    let image = openstack.json(&[
        "image",
        "create",
        "tiny",
        "--file",
        file,
        "--disk-format",
        "qcow2",
        "--container-format",
        "bare",
        "--public",
    ]);
    assert_eq!(image["status"], "active");
    assert_eq!(names(&openstack.json(&["image", "list"]), "Name"), ["tiny"]);
    let shown = openstack.json(&["image", "show", "tiny"]);
    assert_eq!(shown["size"].as_u64().unwrap(), fs::metadata(file).unwrap().len());
    let saved = world.state().join("saved.qcow2");
    openstack.run(&["image", "save", "tiny", "--file", saved.to_str().unwrap()]);
    assert!(fs::read(&saved).unwrap() == fs::read(file).unwrap(), "the saved image differs");

    openstack.run(&["flavor", "create", "small", "--ram", "192", "--disk", "1", "--vcpus", "1"]);
    assert!(names(&openstack.json(&["flavor", "list", "--all"]), "Name").contains(&"small".into()));
    let public = world.state().join("key.pub");
    fs::write(
        &public,
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBgZfE7hDlBqPZm7wDM4zOtxrzFnE1N0bXj8rj0u5y0X me\n",
    )
    .unwrap();
    openstack.run(&["keypair", "create", "mine", "--public-key", public.to_str().unwrap()]);
    assert_eq!(names(&openstack.json(&["keypair", "list"]), "Name"), ["mine"]);

    assert_eq!(openstack.json(&["network", "list"]).as_array().unwrap().len(), 1);
    assert_eq!(openstack.json(&["subnet", "list"]).as_array().unwrap().len(), 1);
    openstack.json(&["port", "list"]);
    make_and_delete_a_server(&world);
    openstack.run(&["image", "delete", "tiny"]);
    assert!(openstack.json(&["image", "list"]).as_array().unwrap().is_empty());
}

fn make_and_delete_a_server(world: &World) {
    let openstack = world.openstack();
    let server = openstack.json(&[
        "server",
        "create",
        "one",
        "--image",
        "tiny",
        "--flavor",
        "small",
        "--key-name",
        "mine",
        "--wait",
    ]);
    assert_eq!(server["status"], "ACTIVE");
    let shown = openstack.json(&["server", "show", "one"]);
    assert_eq!(shown["OS-EXT-STS:vm_state"], "active");
    assert_eq!(names(&openstack.json(&["server", "list"]), "Name"), ["one"]);
    let console = eventually("the guest's ready line", 120, || {
        let text = openstack.run(&["console", "log", "show", "one"]);
        if text.contains("TINY-READY") { Ok(text) } else { Err(text) }
    });
    assert!(console.contains("host=one"), "{console}");
    see_the_timeline(world);
    openstack.run(&["server", "delete", "one", "--wait"]);
    assert!(openstack.json(&["server", "list"]).as_array().unwrap().is_empty());
}

fn see_the_timeline(world: &World) {
    let openstack = world.openstack();
    let events = openstack.json(&["server", "event", "list", "one"]);
    let request = events[0]["Request ID"].as_str().unwrap().to_owned();
    let event = openstack.json(&["server", "event", "show", "one", &request]);
    let text = event["events"].to_string();
    for step in ["compute_claim", "compute_disk", "compute_define", "compute_start"] {
        assert!(text.contains(step), "{step} is not in {text}");
    }
}

#[test]
fn the_sdk_finds_what_the_client_made() {
    let world = World::start(Settings::sim());
    let script = r#"
import openstack
cloud = openstack.connect()
assert [d.name for d in cloud.identity.domains()] == ["Default"]
assert {r.name for r in cloud.identity.roles()} >= {"admin", "manager", "member", "reader"}
project = cloud.identity.create_project(name="dev", domain_id="default")
user = cloud.identity.create_user(name="eve", password="secret-of-eve", default_project_id=project.id)
role = cloud.identity.find_role("member")
cloud.identity.assign_project_role_to_user(project, user, role)
eve = cloud.connect_as(username="eve", password="secret-of-eve", project_name="dev",
                       user_domain_name="Default", project_domain_name="Default")
assert eve.current_project.name == "dev"
network = eve.network.create_network(name="lan")
subnet = eve.network.create_subnet(name="lan4", network_id=network.id, ip_version=4, cidr="10.9.8.0/24")
image = eve.image.create_image(name="sdk", filename="IMAGE", disk_format="qcow2", container_format="bare", wait=True)
image = eve.image.get_image(image.id)
assert image.status == "active", image
flavor = cloud.compute.find_flavor(sorted(f.name for f in cloud.compute.flavors())[0])
server = eve.compute.create_server(name="s", image_id=image.id, flavor_id=flavor.id, networks=[{"uuid": network.id}])
server = eve.compute.wait_for_server(server, wait=60)
assert server.addresses["lan"][0]["addr"].startswith("10.9.8."), server.addresses
assert not list(cloud.compute.servers(name="nobody"))
port = next(eve.network.ports(device_id=server.id))
assert port.mac_address.startswith("fa:16:3e:")
assert [h.name for h in cloud.compute.hypervisors()]
assert {s.binary for s in cloud.compute.services()} >= {"nova-compute"}
eve.compute.delete_server(server)
eve.compute.wait_for_delete(server, wait=60)
eve.image.delete_image(image)
eve.network.delete_network(network)
print("walked")
"#;
    let image = hatchery_tests::sample_qcow2(world.state(), 8);
    let script = script.replace("IMAGE", image.to_str().unwrap());
    let out = world.openstack().python().args(["-c", &script]).output().unwrap();
    assert!(
        String::from_utf8_lossy(&out.stdout).contains("walked"),
        "{}",
        String::from_utf8_lossy(&out.stderr)
    );
}
