//! Five hundred volumes at once of an image that nobody has used: how often its bytes are read, and what each volume takes.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use hatchery_testkit::{CephNode, CephSettings, ObjectStore};
use serde_json::{Value, json};

use super::client::Client;
use super::cloud::Cloud;
use super::process::pause;
use super::report::{Goal, Row};
use super::{Bench, complain};
use crate::failure::Failure;

const NAME: &str = "volumes";
const AT_ONCE: usize = 500;
/// Of the image, none of them zeros.
const IMAGE_BYTES: usize = 64 << 20;
const ROUNDS: usize = 3;
const LOOK: Duration = Duration::from_millis(20);
const PATIENCE: Duration = Duration::from_secs(300);

/// What one storm has shown.
struct Storm {
    /// Bytes that were copied for all of them, in images.
    read: f64,
    /// Milliseconds from the first request until all could be used, by their number.
    each: f64,
}

pub fn run(bench: &Bench) -> Result<Vec<Row>, Failure> {
    let folder = std::env::temp_dir().join(format!("hatchery-volumes-{}", std::process::id()));
    fs::create_dir(&folder).map_err(Failure::at(&folder))?;
    let ceph = CephNode::new(&folder.join("ceph"));
    let settings = CephSettings {
        address: std::net::Ipv4Addr::new(127, 30, 1, 2),
        osds: 1,
        store: ObjectStore::Memstore,
        size_gib: 4,
        mgr: true,
    };
    let measured = storms(bench, &folder, "files", "").and_then(|mut rows| {
        ceph.up(&settings).map_err(Failure::of("a Ceph for the measurement"))?;
        rows.extend(storms(bench, &folder, "Ceph, image in files", &in_ceph(&ceph.conf()))?);
        Ok(rows)
    });
    ceph.wipe().map_err(Failure::of("the Ceph of the measurement"))?;
    fs::remove_dir_all(&folder).map_err(Failure::at(&folder))?;
    measured
}

fn storms(bench: &Bench, folder: &Path, place: &str, more: &str) -> Result<Vec<Row>, Failure> {
    let more = format!("[backend_defaults]\nimage_volume_cache_enabled = true\n{more}");
    let cloud = Cloud::start_with(&bench.binary, "sim", &more)?;
    let mut client = cloud.client()?;
    allow(&mut client)?;
    let (mut read, mut each, mut failed) = (Vec::new(), Vec::new(), 0);
    for round in 0..bench.repeats.min(ROUNDS) {
        match storm(&mut client, &image(folder, round)?) {
            Ok(storm) => {
                read.push(storm.read);
                each.push(storm.each);
            }
            Err(failure) => {
                failed += 1;
                complain(NAME, Some(failure));
            }
        }
    }
    let row = |what: &str, unit, samples| {
        let what = format!("{AT_ONCE} volumes at once of a cold image ({place}): {what}");
        Row::new(NAME, what, unit, samples).failed(failed)
    };
    Ok(vec![
        row("times that the image is copied", "x", read).goal("G8", Goal::AtMost(1.02)),
        row("first request to the last one available, by their number", "ms", each)
            .goal("G8", Goal::AtMost(5.0)),
    ])
}

/// As many volumes as it takes.
fn allow(client: &mut Client) -> Result<(), Failure> {
    let projects = client.get("/identity/v3/projects?name=admin")?;
    let project = projects["projects"][0]["id"].as_str().unwrap_or_default();
    let body = json!({"quota_set": {"volumes": -1, "gigabytes": -1}});
    client.put(&format!("/volume/v3/os-quota-sets/{project}"), &body).map(drop)
}

fn storm(client: &mut Client, image: &Path) -> Result<Storm, Failure> {
    let image = client.upload_as("cold", "raw", image)?;
    let body = json!({"volume": {"size": 1, "imageRef": image, "name": "storm"}});
    let began = Instant::now();
    for _ in 0..AT_ONCE {
        client.post("/volume/v3/volumes", &body)?;
    }
    // Looked for by one that is not ready: a list of all, again and again, would be most of the work.
    let waits = |client: &mut Client, status: &str| {
        let found = client.get(&format!("/volume/v3/volumes?status={status}&limit=1"))?;
        Ok::<bool, Failure>(found["volumes"].as_array().is_some_and(|some| !some.is_empty()))
    };
    while waits(client, "creating")? {
        if began.elapsed() > PATIENCE {
            return Err(Failure::new("volumes were not made"));
        }
        pause(LOOK);
    }
    let all = began.elapsed();
    let volumes = list(client)?;
    if volumes.iter().filter(|one| one["status"] == "available").count() != AT_ONCE {
        return Err(Failure::new("volumes were not made"));
    }
    let copied: u64 =
        volumes.iter().filter_map(|one| one["os-hatchery:way"]["bytes_copied"].as_u64()).sum();
    remove(client, &volumes)?;
    client.delete(&format!("/image/v2/images/{image}"))?;
    Ok(Storm {
        read: copied as f64 / IMAGE_BYTES as f64,
        each: all.as_secs_f64() * 1000.0 / AT_ONCE as f64,
    })
}

fn list(client: &mut Client) -> Result<Vec<Value>, Failure> {
    let listed = client.get("/volume/v3/volumes/detail?limit=1000&name=storm")?;
    Ok(listed["volumes"].as_array().cloned().unwrap_or_default())
}

fn remove(client: &mut Client, volumes: &[Value]) -> Result<(), Failure> {
    for volume in volumes {
        let id = volume["id"].as_str().unwrap_or_default();
        client.delete(&format!("/volume/v3/volumes/{id}"))?;
    }
    let began = Instant::now();
    while !list(client)?.is_empty() {
        if began.elapsed() > PATIENCE {
            return Err(Failure::new("volumes do not go"));
        }
        pause(LOOK * 5);
    }
    Ok(())
}

/// One with other bytes each time.
fn image(folder: &Path, round: usize) -> Result<PathBuf, Failure> {
    let path = folder.join("image.raw");
    let bytes: Vec<u8> = (0..IMAGE_BYTES).map(|at| ((at >> 16) + round) as u8 | 1).collect();
    fs::write(&path, bytes).map_err(Failure::at(&path))?;
    Ok(path)
}

fn in_ceph(conf: &Path) -> String {
    let conf = conf.display();
    format!(
        "[file]\nvolume_driver = \"rbd\"\nrbd_pool = \"volumes\"\nrbd_user = \"cinder\"\nrbd_ceph_conf = \"{conf}\"\n"
    )
}
