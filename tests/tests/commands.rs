//! The binary's commands, as an operator types them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use hatchery_tests::{Client, Settings, World, eventually, sample_qcow2};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::json;
use std::fs;
use std::os::unix::fs::PermissionsExt;

/// An image and a server that needs nothing of its guest.
fn server(world: &World, admin: &Client) -> (String, String) {
    let body = json!({"name": "i", "disk_format": "qcow2", "container_format": "bare"});
    let image =
        admin.post("/image/v2/images", &body).expect(201)["id"].as_str().unwrap().to_owned();
    let file = sample_qcow2(world.state(), 16);
    admin.put_file(&format!("/image/v2/images/{image}/file"), &file).expect(204);
    let body = json!({"server": {
        "name": "s", "imageRef": image, "flavorRef": "c1", "networks": "auto",
    }});
    let answer = admin.post("/compute/v2.1/servers", &body).expect(202);
    (image, answer["server"]["id"].as_str().unwrap().to_owned())
}

fn until(admin: &Client, server: &str, wanted: &str) {
    eventually(&format!("the server is {wanted}"), 60, || {
        let shown = admin.get(&format!("/compute/v2.1/servers/{server}")).expect(200);
        let status = shown["server"]["status"].as_str().unwrap().to_owned();
        if status == wanted { Ok(()) } else { Err(status) }
    });
}

#[test]
fn sigterm_leaves_guests_running_and_a_dead_guest_is_seen() {
    let mut world = World::start(Settings::qemu());
    let admin = world.admin();
    let (_, server) = server(&world, &admin);
    until(&admin, &server, "ACTIVE");
    let process = world.census().processes[&server];
    assert!(world.stop(), "the cloud did not end well: {}", world.log());
    assert_eq!(world.census().processes.get(&server), Some(&process));
    world.up();
    let admin = world.admin();
    until(&admin, &server, "ACTIVE");
    assert_eq!(world.census().processes.get(&server), Some(&process));

    kill(Pid::from_raw(process as i32), Signal::SIGKILL).unwrap();
    until(&admin, &server, "SHUTOFF");
    admin.delete(&format!("/compute/v2.1/servers/{server}")).expect(204);
}

#[test]
fn explain_says_way_bytes_and_refusals() {
    let world = World::start(Settings::sim());
    let admin = world.admin();
    let (image, server) = server(&world, &admin);
    until(&admin, &server, "ACTIVE");
    let out = world.command("explain").args(["--image", &image, "--flavor", "m1.tiny"]).output();
    let out = String::from_utf8(out.unwrap().stdout).unwrap();
    assert!(out.contains("hard link, which copies 0 bytes of image data"), "{out}");
    let volume = world.command("explain").args(["--image", &image, "--size", "1"]).output();
    let volume = String::from_utf8(volume.unwrap().stdout).unwrap();
    assert!(volume.contains("hard link, which copies 0 bytes of image data"), "{volume}");
    let wrong = world.command("explain").args(["--image", "none", "--flavor", "m1.tiny"]).output();
    let wrong = wrong.unwrap();
    assert!(!wrong.status.success());
    assert!(String::from_utf8_lossy(&wrong.stderr).contains("there is no image none"));
}

#[test]
fn one_state_folder_has_one_cloud_and_one_password() {
    let mut world = World::start(Settings::sim());
    let second = world.command("up").args(["--listen", "127.0.0.1:0"]).output().unwrap();
    assert!(!second.status.success());
    let said = String::from_utf8_lossy(&second.stderr).into_owned();
    assert!(said.contains("another hatchery works on"), "{said}");
    for name in ["openrc", "clouds.yaml"] {
        let mode = fs::metadata(world.state().join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    let password = fs::read_to_string(world.state().join("admin-password")).unwrap();
    world.kill();
    world.up();
    assert_eq!(fs::read_to_string(world.state().join("admin-password")).unwrap(), password);
    assert_eq!(world.admin().get("/compute/v2.1/servers").status, 200);
    assert!(fs::read_to_string(world.state().join("log/hatchery.log")).unwrap().contains("ready"));
}

#[test]
fn doctor_proves_an_accelerator_by_a_guest() {
    let world = World::start(Settings::sim());
    let out = world.command("doctor").output().unwrap();
    let text = String::from_utf8(out.stdout).unwrap();
    assert!(out.status.success(), "{text}");
    let tcg = text.lines().find(|line| line.contains("accelerator tcg")).unwrap();
    assert!(tcg.starts_with("ok") && tcg.contains("a trial guest ran"), "{text}");
}

#[test]
fn a_wrong_setting_is_named() {
    let world = World::start(Settings::sim());
    let path = world.state().join("wrong.toml");
    fs::write(&path, "[qemu]\nacel = \"tcg\"\n").unwrap();
    let out = world.command("up").arg("--config").arg(&path).output().unwrap();
    assert!(!out.status.success());
    let said = String::from_utf8_lossy(&out.stderr).into_owned();
    assert!(said.contains("acel"), "{said}");
}
