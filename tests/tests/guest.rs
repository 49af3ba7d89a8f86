//! Real guests: what they are told, and what their making costs.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use hatchery_tests::{Client, Settings, Ssh, World, boot_image, eventually};
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

fn upload(admin: &Client) -> String {
    let body = json!({"name": "tiny", "disk_format": "qcow2", "container_format": "bare", "visibility": "public"});
    let image = admin.post("/image/v2/images", &body).expect(201);
    let id = image["id"].as_str().unwrap().to_owned();
    admin.put_file(&format!("/image/v2/images/{id}/file"), &boot_image()).expect(204);
    id
}

fn flavor(admin: &Client) -> String {
    let body = json!({"flavor": {"name": "t", "ram": 192, "vcpus": 1, "disk": 1}});
    admin.post("/compute/v2.1/flavors", &body).expect(200)["flavor"]["id"]
        .as_str()
        .unwrap()
        .to_owned()
}

fn create(admin: &Client, mut server: Value, image: &str, flavor: &str) -> String {
    server["imageRef"] = json!(image);
    server["flavorRef"] = json!(flavor);
    server["networks"] = json!("auto");
    let answer = admin.post("/compute/v2.1/servers", &json!({"server": server})).expect(202);
    answer["server"]["id"].as_str().unwrap().to_owned()
}

fn active(admin: &Client, server: &str) -> Value {
    eventually("the server is ACTIVE", 60, || {
        let shown =
            admin.get(&format!("/compute/v2.1/servers/{server}")).expect(200)["server"].clone();
        assert_ne!(shown["status"], "ERROR", "{}", shown["fault"]);
        if shown["status"] == "ACTIVE" { Ok(shown) } else { Err(shown["status"].to_string()) }
    })
}

fn ready_line(admin: &Client, server: &str) -> String {
    eventually("the guest is ready", 150, || {
        let path = format!("/compute/v2.1/servers/{server}/action");
        let output =
            admin.post(&path, &json!({"os-getConsoleOutput": {}})).expect(200)["output"].clone();
        let text = output.as_str().unwrap().to_owned();
        let line = text.lines().find(|line| line.starts_with("TINY-READY")).map(str::to_owned);
        // User data runs after the ready line.
        match line {
            Some(line) if text.contains("user-data-ran") => Ok(line),
            _ => Err(text),
        }
    })
}

fn address(shown: &Value) -> String {
    let networks = shown["addresses"].as_object().unwrap();
    networks.values().next().unwrap()[0]["addr"].as_str().unwrap().to_owned()
}

#[test]
fn a_guest_learns_itself_by_dhcp_and_metadata_or_config_drive() {
    let world = World::start(Settings::qemu());
    let admin = world.admin();
    let (image, flavor, key) = (upload(&admin), flavor(&admin), Ssh::new(world.state()));
    let body = json!({"keypair": {"name": "k", "public_key": key.public}});
    admin.post("/compute/v2.1/os-keypairs", &body).expect(201);

    // "#!/bin/sh\necho user-data-ran on $(hostname)\n"
    let user_data = "IyEvYmluL3NoCmVjaG8gdXNlci1kYXRhLXJhbiBvbiAkKGhvc3RuYW1lKQo=";
    let by = |name: &str, drive: bool| {
        let server = json!({
            "name": name, "key_name": "k", "user_data": user_data, "config_drive": drive,
        });
        create(&admin, server, &image, &flavor)
    };
    let servers = [
        ("told-by-service", by("told-by-service", false)),
        ("told-by-drive", by("told-by-drive", true)),
    ];
    for ((name, server), source) in servers.iter().zip(["src=metadata", "src=configdrive"]) {
        let shown = active(&admin, server);
        let line = ready_line(&admin, server);
        let address = address(&shown);
        for part in [
            format!("host={name}"),
            format!("uuid={server}"),
            source.into(),
            "keys=1".into(),
            address.clone(),
        ] {
            assert!(line.contains(&part), "{part} is not in: {line}");
        }
        assert_eq!(key.run(&address, "hostname"), *name);
    }
    for (_, server) in &servers {
        admin.delete(&format!("/compute/v2.1/servers/{server}")).expect(204);
    }
}

#[test]
fn the_first_and_the_tenth_server_copy_nothing() {
    let world = World::start(Settings::qemu());
    let admin = world.admin();
    let (image, flavor) = (upload(&admin), flavor(&admin));
    let inode = |path: PathBuf| {
        fs::metadata(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display())).ino()
    };
    let file = inode(world.state().join("pool/images").join(&image));
    let plan = admin
        .get(&format!("/compute/v2.1/os-hatchery-explain?image={image}&flavor={flavor}"))
        .expect(200);
    assert_eq!(plan["hosts"][0]["plan"]["way"], "hard link");
    assert_eq!(plan["hosts"][0]["plan"]["bytes_copied"], 0);

    let mut servers = Vec::new();
    for number in 1..=10 {
        let server = create(&admin, json!({"name": format!("s{number}")}), &image, &flavor);
        active(&admin, &server);
        servers.push(server);
    }
    let bases: Vec<PathBuf> = fs::read_dir(world.state().join("instances/_base"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_none())
        .collect();
    assert_eq!(bases.len(), 1);
    assert_eq!(inode(bases[0].clone()), file, "the base is another file than the image");
    for server in [&servers[0], &servers[9]] {
        let made = admin.get(&format!("/compute/v2.1/os-hatchery-provision/{server}")).expect(200);
        assert_eq!(made["provision"]["bytes_copied"], 0, "{made}");
        assert_eq!(made["provision"]["plan"]["way"], "hard link", "{made}");
        let disk = fs::metadata(world.state().join("instances").join(server).join("disk")).unwrap();
        assert!(disk.blocks() * 512 < 4 << 20, "the overlay has {} bytes", disk.blocks() * 512);
    }
    for server in &servers {
        admin.delete(&format!("/compute/v2.1/servers/{server}")).expect(204);
    }
    eventually("the servers are gone", 60, || {
        let left = admin.get("/compute/v2.1/servers").expect(200)["servers"].clone();
        if left.as_array().unwrap().is_empty() { Ok(()) } else { Err(left.to_string()) }
    });
    let census = world.census();
    assert!(census.folders.is_empty() && census.litter.is_empty(), "{census:?}");
}
