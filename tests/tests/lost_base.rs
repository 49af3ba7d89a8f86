//! Twenty stopped guests on one base, and the base is lost: once while its image is there, once with every name of its bytes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use hatchery_tests::{Client, Settings, World, boot_image, eventually};
use serde_json::{Value, json};
use sha1::{Digest, Sha1};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

const GUESTS: usize = 20;

/// The image's file and the names of its base.
struct Names {
    image: PathBuf,
    cache: PathBuf,
    base: PathBuf,
}

impl Names {
    fn of(world: &World, image: &str) -> Self {
        let name: String = Sha1::digest(image).iter().map(|byte| format!("{byte:02x}")).collect();
        let state = world.state();
        Self {
            image: state.join("pool/images").join(image),
            cache: state.join("pool/imagecache").join(&name),
            base: state.join("instances/_base").join(name),
        }
    }

    fn are_one_file(&self) -> Result<(), String> {
        let inode = |path: &Path| fs::metadata(path).map(|found| found.ino()).ok();
        let image = inode(&self.image);
        let all = [image, inode(&self.cache), inode(&self.base)];
        if image.is_some() && all.iter().all(|one| *one == image) {
            Ok(())
        } else {
            Err(format!("image, cache and base have the inodes {all:?}"))
        }
    }
}

fn show(admin: &Client, server: &str) -> Value {
    admin.get(&format!("/compute/v2.1/servers/{server}")).expect(200)["server"].clone()
}

fn act(admin: &Client, server: &str, action: &Value) {
    let answer = admin.post(&format!("/compute/v2.1/servers/{server}/action"), action);
    assert_eq!(answer.status, 202, "{action}");
}

fn until(admin: &Client, server: &str, status: &str) -> Value {
    eventually(&format!("{server} is {status}"), 120, || {
        let shown = show(admin, server);
        let settled = shown["OS-EXT-STS:task_state"].is_null();
        if shown["status"] == status && settled { Ok(shown) } else { Err(shown.to_string()) }
    })
}

/// Twenty servers of one image, made and stopped.
fn stopped_guests(admin: &Client) -> (String, Vec<String>) {
    let body = json!({"name": "tiny", "disk_format": "qcow2", "container_format": "bare"});
    let image = admin.post("/image/v2/images", &body).expect(201);
    let image = image["id"].as_str().unwrap().to_owned();
    admin.put_file(&format!("/image/v2/images/{image}/file"), &boot_image()).expect(204);
    let body = json!({"flavor": {"name": "t", "ram": 96, "vcpus": 1, "disk": 1}});
    let flavor = admin.post("/compute/v2.1/flavors", &body).expect(200)["flavor"]["id"].clone();
    let servers = (0..GUESTS)
        .map(|number| {
            let body = json!({"server": {
                "name": format!("s{number}"), "imageRef": image, "flavorRef": flavor, "networks": "auto",
            }});
            let made = admin.post("/compute/v2.1/servers", &body).expect(202);
            let server = made["server"]["id"].as_str().unwrap().to_owned();
            until(admin, &server, "ACTIVE");
            act(admin, &server, &json!({"os-stop": null}));
            until(admin, &server, "SHUTOFF");
            server
        })
        .collect();
    (image, servers)
}

fn start_all(world: &World, admin: &Client, servers: &[String]) {
    for server in servers {
        act(admin, server, &json!({"os-start": null}));
    }
    for server in servers {
        until(admin, server, "ACTIVE");
    }
    let processes = world.census().processes;
    assert!(servers.iter().all(|server| processes.contains_key(server)), "{processes:?}");
}

fn stop_all(admin: &Client, servers: &[String]) {
    for server in servers {
        act(admin, server, &json!({"os-stop": null}));
    }
    for server in servers {
        until(admin, server, "SHUTOFF");
    }
}

#[test]
fn twenty_stopped_guests_start_after_their_base_was_lost() {
    let mut world = World::start(Settings::qemu().grace_seconds(1));
    let admin = world.admin();
    let (image, servers) = stopped_guests(&admin);
    let names = Names::of(&world, &image);
    names.are_one_file().unwrap();

    // The base and its name in the cache, while the cloud looks on.
    fs::remove_file(&names.base).unwrap();
    fs::remove_file(&names.cache).unwrap();
    start_all(&world, &admin, &servers);
    eventually("both names are back", 60, || names.are_one_file());
    stop_all(&admin, &servers);

    // The same while no cloud runs.
    world.kill();
    fs::remove_file(&names.base).unwrap();
    fs::remove_file(&names.cache).unwrap();
    world.up();
    let admin = world.admin();
    start_all(&world, &admin, &servers);
    eventually("both names are back", 60, || names.are_one_file());
    stop_all(&admin, &servers);

    lost_with_every_name(&mut world, &names, &servers);
}

/// Nothing is left to make the base of: a start fails and says why, and works once the bytes are back.
fn lost_with_every_name(world: &mut World, names: &Names, servers: &[String]) {
    // While no cloud runs: a keeper who looks on puts one name back from another.
    world.kill();
    let kept = world.state().join("kept");
    fs::rename(&names.image, &kept).unwrap();
    fs::remove_file(&names.base).unwrap();
    fs::remove_file(&names.cache).unwrap();
    world.up();
    let admin = &world.admin();
    act(admin, &servers[0], &json!({"os-start": null}));
    let shown = until(admin, &servers[0], "ERROR");
    let message = shown["fault"]["message"].as_str().unwrap();
    assert!(message.contains("base"), "{message}");

    fs::rename(&kept, &names.image).unwrap();
    let healed = world.command("heal").output().unwrap();
    assert!(healed.status.success(), "{}", String::from_utf8_lossy(&healed.stderr));
    let shown = until(admin, &servers[0], "ACTIVE");
    assert!(shown["fault"].is_null(), "{shown}");
    assert!(world.census().processes.contains_key(&servers[0]));
    start_all(world, admin, &servers[1..]);
    names.are_one_file().unwrap();
}
