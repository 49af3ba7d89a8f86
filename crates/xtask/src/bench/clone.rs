//! Disks of servers in Ceph: a clone beside bare calls of librbd, and the creation of a server from an image of 1 GiB beside one of 20 GiB, in turns.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use hatchery_testkit::{CephNode, CephSettings, ObjectStore};
use serde_json::json;

use super::client::{Client, Recipe};
use super::cloud::Cloud;
use super::process::pause;
use super::report::{Goal, Row, lowest, median};
use super::start::{Made, one_of};
use super::{Bench, complain};
use crate::failure::{Failure, output_of};

const NAME: &str = "clone";
/// Clones for each repeat of what is slower.
const CLONES: usize = 15;
/// For what a delete leaves to be done after its answer.
const QUIET: Duration = Duration::from_millis(700);

pub fn run(bench: &Bench) -> Result<Vec<Row>, Failure> {
    let folder = std::env::temp_dir().join(format!("hatchery-clone-{}", std::process::id()));
    fs::create_dir(&folder).map_err(Failure::at(&folder))?;
    let ceph = CephNode::new(&folder.join("ceph"));
    let settings = CephSettings {
        address: std::net::Ipv4Addr::new(127, 30, 1, 1),
        osds: 1,
        store: ObjectStore::Memstore,
        size_gib: 8,
        mgr: true,
    };
    let measured = ceph
        .up(&settings)
        .map_err(Failure::of("a Ceph for the measurement"))
        .and_then(|_| measure(bench, &folder, &ceph.conf()));
    ceph.wipe().map_err(Failure::of("the Ceph of the measurement"))?;
    fs::remove_dir_all(&folder).map_err(Failure::at(&folder))?;
    measured
}

fn measure(bench: &Bench, folder: &Path, conf: &Path) -> Result<Vec<Row>, Failure> {
    let mut rows = clones(bench, conf)?;
    rows.extend(servers(bench, folder, conf)?);
    Ok(rows)
}

fn clones(bench: &Bench, conf: &Path) -> Result<Vec<Row>, Failure> {
    let program = bench.binary.with_file_name("examples").join("clone");
    let mut command = Command::new(&program);
    let text = output_of(command.arg(conf).arg((bench.repeats * CLONES).to_string()))?;
    let of = |what: &str| -> Vec<f64> {
        text.lines().filter_map(|line| line.strip_prefix(what)?.trim().parse().ok()).collect()
    };
    let (bare, ours) = (of("bare "), of("ours "));
    let ratio = bare.iter().zip(&ours).map(|(bare, ours)| ours / bare).collect();
    let row = |what: &str, unit, samples| Row::new(NAME, what, unit, samples);
    let medians = vec![median(&ours) / median(&bare)];
    let fastest = vec![lowest(&ours) / lowest(&bare)];
    Ok(vec![
        row("a server's disk / bare librbd: clone, open, grow", "x", ratio)
            .goal("issue 4", Goal::AtMost(1.2)),
        row("the same, of both sides' medians", "x", medians),
        row("the same, of both sides' fastest", "x", fastest),
        row("a server's disk", "ms", ours),
        row("bare librbd", "ms", bare),
    ])
}

/// Servers of one flavor, so that nothing but the image's size is another.
fn servers(bench: &Bench, folder: &Path, conf: &Path) -> Result<Vec<Row>, Failure> {
    let cloud = Cloud::start_with(&bench.binary, "qemu", &in_ceph(conf))?;
    let mut client = cloud.client()?;
    let flavor =
        json!({"flavor": {"name": "bench", "ram": 64, "vcpus": 1, "disk": 20, "id": "bench"}});
    client.post("/compute/v2.1/flavors", &flavor)?;
    let small = client.recipe(&resized(bench, folder, 1)?)?;
    let large = client.recipe(&resized(bench, folder, 20)?)?;
    let (mut sides, mut copied, mut failed) = ([Vec::new(), Vec::new()], Vec::new(), 0);
    for round in 0..=bench.repeats {
        let made = pair(&mut client, &small, &large);
        match made {
            // The first round warms the machine's caches.
            Ok(_) if round == 0 => {}
            Ok(pair) => {
                for (side, made) in sides.iter_mut().zip(&pair) {
                    side.push(made.running);
                    copied.push(made.copied);
                }
            }
            Err(failure) => {
                failed += 1;
                complain(NAME, Some(failure));
            }
        }
    }
    let [small, large] = sides;
    let ratio = small.iter().zip(&large).map(|(small, large)| large / small).collect();
    let medians = vec![median(&large) / median(&small)];
    let row = |what: &str, unit, samples| {
        Row::new(NAME, format!("image and disk in Ceph: {what}"), unit, samples).failed(failed)
    };
    Ok(vec![
        row("create -> vCPU running, 20 GiB / 1 GiB", "x", ratio)
            .goal("issue 4", Goal::AtMost(1.1)),
        row("the same, of both sides' medians", "x", medians),
        row("create -> vCPU running, 1 GiB", "ms", small),
        row("create -> vCPU running, 20 GiB", "ms", large),
        row("image data copied", "bytes", copied).goal("no copy", Goal::AtMost(0.0)),
    ])
}

fn pair(client: &mut Client, small: &Recipe, large: &Recipe) -> Result<[Made; 2], Failure> {
    let first = one_of(client, small, "bench")?;
    pause(QUIET);
    let second = one_of(client, large, "bench")?;
    pause(QUIET);
    Ok([first, second])
}

/// The guest's disk with so many GiB.
fn resized(bench: &Bench, folder: &Path, gib: u32) -> Result<PathBuf, Failure> {
    let file = folder.join(format!("{gib}.qcow2"));
    fs::copy(&bench.image, &file).map_err(Failure::at(&file))?;
    let mut command = Command::new("qemu-img");
    command.args(["resize", "-q", "-f", "qcow2"]).arg(&file).arg(format!("{gib}G"));
    output_of(&mut command)?;
    Ok(file)
}

fn in_ceph(conf: &Path) -> String {
    let conf = conf.display();
    format!(
        "[glance_store]\ndefault_store = \"rbd\"\nrbd_store_user = \"glance\"\nrbd_store_ceph_conf = \"{conf}\"\n\
         [libvirt]\nimages_type = \"rbd\"\nimages_rbd_pool = \"vms\"\nrbd_user = \"cinder\"\nimages_rbd_ceph_conf = \"{conf}\"\n"
    )
}
