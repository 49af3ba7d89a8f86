//! `kill -9` at random moments during parallel creates and deletes: nothing is lost, nothing is left.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use hatchery_tests::{Client, Settings, World, eventually, sample_qcow2};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;
use std::time::{Duration, Instant};

/// Kills; `HATCHERY_KILLS` sets another number.
const KILLS: u32 = 200;
/// Servers besides the two that must survive everything.
const CROWD: usize = 5;

/// A repeatable stream of numbers: the seed is printed, and `HATCHERY_SEED` sets it.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % below
    }
}

fn from_env(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

struct Scene {
    image: String,
    flavor: String,
}

fn scene(world: &World, admin: &Client) -> Scene {
    let body = json!({"name": "i", "disk_format": "qcow2", "container_format": "bare"});
    let image =
        admin.post("/image/v2/images", &body).expect(201)["id"].as_str().unwrap().to_owned();
    let file = sample_qcow2(world.state(), 16);
    admin.put_file(&format!("/image/v2/images/{image}/file"), &file).expect(204);
    let body = json!({"flavor": {"name": "f", "ram": 64, "vcpus": 1, "disk": 1}});
    let flavor = admin.post("/compute/v2.1/flavors", &body).expect(200)["flavor"]["id"].clone();
    Scene { image, flavor: flavor.as_str().unwrap().to_owned() }
}

fn create_body(scene: &Scene, name: &str) -> Value {
    json!({"server": {
        "name": name, "imageRef": scene.image, "flavorRef": scene.flavor, "networks": "auto",
        "config_drive": true,
    }})
}

fn servers(admin: &Client) -> Vec<Value> {
    admin.get("/compute/v2.1/servers/detail").expect(200)["servers"].as_array().unwrap().clone()
}

fn id(server: &Value) -> String {
    server["id"].as_str().unwrap().to_owned()
}

/// Process ids of guests, by server.
fn process_ids(world: &World) -> BTreeMap<String, u32> {
    world.census().processes
}

/// Requests that run into a dying cloud, as users' requests would: their failures are nobody's news.
fn disturb(
    token: Client,
    body: Vec<Value>,
    doomed: Vec<String>,
) -> Vec<std::thread::JoinHandle<()>> {
    let mut threads = Vec::new();
    for body in body {
        let client = token.clone();
        threads.push(std::thread::spawn(move || {
            let _ = client.try_raw("POST", "/compute/v2.1/servers", body.to_string().as_bytes());
        }));
    }
    for server in doomed {
        let client = token.clone();
        threads.push(std::thread::spawn(move || {
            let _ = client.try_raw("DELETE", &format!("/compute/v2.1/servers/{server}"), &[]);
        }));
    }
    threads
}

#[allow(clippy::disallowed_methods)] // The random moment is what is tested.
fn wait_random(dice: &mut Dice) {
    std::thread::sleep(Duration::from_micros(dice.roll(450_000)));
}

#[test]
fn two_hundred_kills_lose_and_leave_nothing() {
    let seed = from_env("HATCHERY_SEED", 0x5eed_cafe);
    let kills = from_env("HATCHERY_KILLS", u64::from(KILLS));
    println!("{kills} kills with seed {seed}");
    let mut dice = Dice(seed | 1);
    let mut world = World::start(Settings::qemu());
    let admin = world.admin();
    let scene = scene(&world, &admin);
    let anchors: BTreeSet<String> = ["anchor-1", "anchor-2"]
        .iter()
        .map(|name| {
            let answer =
                admin.post("/compute/v2.1/servers", &create_body(&scene, name)).expect(202);
            id(&answer["server"])
        })
        .collect();
    settle(&world, &anchors);
    let before = process_ids(&world);
    assert_eq!(before.keys().cloned().collect::<BTreeSet<_>>(), anchors);

    let began = Instant::now();
    for round in 0..kills {
        let admin = world.admin();
        let crowd: Vec<String> =
            servers(&admin).iter().map(id).filter(|server| !anchors.contains(server)).collect();
        let (doomed, wanted) = crowd.split_at(crowd.len().saturating_sub(dice.roll(3) as usize));
        let doomed = if dice.roll(3) == 0 { Vec::new() } else { doomed.to_vec() };
        let room = CROWD.saturating_sub(wanted.len());
        let bodies = (0..room).map(|n| create_body(&scene, &format!("r{round}-{n}"))).collect();
        let threads = disturb(admin, bodies, doomed);
        wait_random(&mut dice);
        world.kill();
        for thread in threads {
            thread.join().unwrap();
        }
        let alive = process_ids(&world);
        for anchor in &anchors {
            assert_eq!(alive.get(anchor), before.get(anchor), "a guest ended with round {round}");
        }
        world.up();
    }
    println!("{kills} kills in {:?}", began.elapsed());
    settle(&world, &anchors);
    compare(&world, &anchors);
    for anchor in &anchors {
        assert_eq!(process_ids(&world).get(anchor), before.get(anchor));
    }
    empty(&world);
}

/// Waits until no server is on its way anywhere.
fn settle(world: &World, anchors: &BTreeSet<String>) {
    let admin = world.admin();
    eventually("every server has come to rest", 180, || {
        let all = servers(&admin);
        let moving: Vec<String> = all
            .iter()
            .filter(|server| {
                !server["OS-EXT-STS:task_state"].is_null()
                    || !["ACTIVE", "ERROR"].contains(&server["status"].as_str().unwrap())
            })
            .map(|server| format!("{} {}", server["status"], server["OS-EXT-STS:task_state"]))
            .collect();
        if moving.is_empty() { Ok(()) } else { Err(format!("{moving:?}")) }
    });
    for server in servers(&admin) {
        if server["status"] == "ERROR" {
            assert!(
                server["fault"]["message"].as_str().is_some_and(|text| text.len() > 10),
                "{server}"
            );
            assert!(!anchors.contains(&id(&server)), "{server}");
        }
    }
}

/// What is on the host is what the database says.
fn compare(world: &World, anchors: &BTreeSet<String>) {
    let admin = world.admin();
    let all = servers(&admin);
    let active: BTreeSet<String> =
        all.iter().filter(|server| server["status"] == "ACTIVE").map(id).collect();
    let known: BTreeSet<String> = all.iter().map(id).collect();
    assert!(active.is_superset(anchors));
    let census = world.census();
    let running: BTreeSet<String> = census.processes.keys().cloned().collect();
    assert_eq!(running, active, "processes");
    assert_eq!(census.folders, active, "folders");
    assert!(census.litter.is_empty(), "{:?}", census.litter);
    assert_eq!(census.links.len(), 2, "{:?}", census.links);
    assert_eq!(census.images.len(), 1);
    assert_eq!(census.namespaces.len(), 1);

    let ports = admin.get("/network/v2.0/ports").expect(200)["ports"].as_array().unwrap().clone();
    let of_servers: Vec<&Value> = ports
        .iter()
        .filter(|port| port["device_owner"].as_str().unwrap().starts_with("compute:"))
        .collect();
    let devices: BTreeSet<String> =
        of_servers.iter().map(|port| port["device_id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(devices, known, "ports");
    let addresses: BTreeSet<String> =
        ports.iter().map(|port| port["fixed_ips"][0]["ip_address"].to_string()).collect();
    assert_eq!(addresses.len(), ports.len(), "an address has two ports");
    let taps = taps(&census.namespaces);
    assert_eq!(taps, active.len(), "taps");

    let hypervisor = admin.raw_version("/compute/v2.1/os-hypervisors/detail", "2.53").expect(200);
    let hypervisor = &hypervisor["hypervisors"][0];
    assert_eq!(hypervisor["vcpus_used"].as_u64().unwrap() as usize, active.len(), "claims");
}

fn taps(namespaces: &BTreeSet<String>) -> usize {
    let namespace = namespaces.first().unwrap();
    let out = Command::new("ip").args(["-n", namespace, "-o", "link"]).output().unwrap();
    String::from_utf8_lossy(&out.stdout).lines().filter(|line| line.contains(": tap")).count()
}

/// Deletes everything; nothing is left.
fn empty(world: &World) {
    let admin = world.admin();
    for server in servers(&admin) {
        admin.delete(&format!("/compute/v2.1/servers/{}", id(&server))).expect(204);
    }
    eventually("all is gone", 120, || {
        let (left, census) = (servers(&admin), world.census());
        if left.is_empty() && census.processes.is_empty() && census.folders.is_empty() {
            Ok(())
        } else {
            Err(format!("{} servers, {census:?}", left.len()))
        }
    });
}
