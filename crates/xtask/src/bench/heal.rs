//! A base lost under twenty stopped guests: how long until it is there again, so that they can start, and until they all run.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::json;

use super::client::{Client, Recipe};
use super::cloud::Cloud;
use super::process::pause;
use super::report::{Goal, Row};
use super::{Bench, complain};
use crate::failure::Failure;

const NAME: &str = "heal";
const GUESTS: usize = 20;
const LOOK: Duration = Duration::from_millis(1);
const PATIENCE: Duration = Duration::from_secs(60);

pub fn run(bench: &Bench) -> Result<Vec<Row>, Failure> {
    let cloud = Cloud::start(&bench.binary, "qemu")?;
    let mut client = cloud.client()?;
    let recipe = client.recipe(&bench.image)?;
    let servers = guests(&mut client, &recipe)?;
    let names = Names::find(cloud.state(), &recipe.image)?;
    let (mut back, mut running, mut failed) = (Vec::new(), Vec::new(), 0);
    for _ in 0..bench.repeats {
        stop(&mut client, &servers)?;
        match lose(&mut client, &names, &servers) {
            Ok((healed, started)) => {
                back.push(healed);
                running.push(started);
            }
            Err(failure) => {
                failed += 1;
                complain(NAME, Some(failure));
            }
        }
    }
    let row = |what: &str, samples| {
        Row::new(NAME, format!("base lost under {GUESTS} stopped guests: {what}"), "ms", samples)
            .failed(failed)
    };
    Ok(vec![
        row("there again, all can start", back.clone()).goal("issue 3", Goal::AtMost(2000.0)),
        row("the slowest", vec![back.iter().copied().fold(0.0, f64::max)]),
        row("all of them run", running),
    ])
}

fn guests(client: &mut Client, recipe: &Recipe) -> Result<Vec<String>, Failure> {
    let mut servers = Vec::with_capacity(GUESTS);
    for _ in 0..GUESTS {
        let asked = client.create(recipe)?;
        client.until_active(&asked.id, Duration::from_millis(20))?;
        servers.push(asked.id);
    }
    Ok(servers)
}

/// Has none of them run.
fn stop(client: &mut Client, servers: &[String]) -> Result<(), Failure> {
    for server in servers {
        act(client, server, "os-stop")?;
    }
    let deadline = Instant::now() + PATIENCE * 3;
    for server in servers {
        let path = format!("/compute/v2.1/servers/{server}");
        while client.get(&path)?["server"]["status"] != "SHUTOFF" {
            if Instant::now() > deadline {
                return Err(Failure::new(format!("server {server} does not stop")));
            }
            pause(Duration::from_millis(20));
        }
    }
    Ok(())
}

fn act(client: &mut Client, server: &str, action: &str) -> Result<(), Failure> {
    let path = format!("/compute/v2.1/servers/{server}/action");
    client.post(&path, &json!({ action: null })).map(drop)
}

/// Removes both names of the base; gives the milliseconds until they are there again, and until every server runs.
fn lose(client: &mut Client, names: &Names, servers: &[String]) -> Result<(f64, f64), Failure> {
    let began = Instant::now();
    for name in [&names.base, &names.cache] {
        fs::remove_file(name).map_err(Failure::at(name))?;
    }
    while !names.are_one_file() {
        if began.elapsed() > PATIENCE {
            return Err(Failure::new("the base was not put back"));
        }
        pause(LOOK);
    }
    let healed = began.elapsed().as_secs_f64() * 1000.0;
    for server in servers {
        act(client, server, "os-start")?;
    }
    for server in servers {
        client.until_active(server, Duration::from_millis(5))?;
    }
    Ok((healed, began.elapsed().as_secs_f64() * 1000.0))
}

/// The names of one base, and its image's file.
struct Names {
    image: PathBuf,
    cache: PathBuf,
    base: PathBuf,
}

impl Names {
    /// The base is the one file of `_base` that is the image's.
    fn find(state: &Path, image: &str) -> Result<Self, Failure> {
        let image = state.join("pool/images").join(image);
        let inode = inode(&image).ok_or_else(|| Failure::new("the image has no file"))?;
        let folder = state.join("instances/_base");
        for entry in fs::read_dir(&folder).map_err(Failure::at(&folder))? {
            let entry = entry.map_err(Failure::at(&folder))?;
            if entry.metadata().is_ok_and(|found| found.ino() == inode) {
                let cache = state.join("pool/imagecache").join(entry.file_name());
                return Ok(Self { image, cache, base: entry.path() });
            }
        }
        Err(Failure::new("the image has no base"))
    }

    fn are_one_file(&self) -> bool {
        let image = inode(&self.image);
        image.is_some() && [&self.cache, &self.base].iter().all(|name| inode(name) == image)
    }
}

fn inode(path: &Path) -> Option<u64> {
    fs::metadata(path).ok().map(|found| found.ino())
}
