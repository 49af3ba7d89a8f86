//! How large the cloud is: in memory, on disk; and how soon it answers after its start.

use std::fs;
use std::process::Command;
use std::time::Duration;

use super::Bench;
use super::cloud::Cloud;
use super::process::{memory_mib, pause};
use super::report::{Goal, Row};
use crate::failure::{Failure, output_of};

/// After the start, for what is done once.
const SETTLING: Duration = Duration::from_secs(3);
const SERVERS: usize = 1000;

/// Memory and size.
pub fn run(bench: &Bench) -> Result<Vec<Row>, Failure> {
    const NAME: &str = "footprint";
    let idle = |driver| -> Result<(Cloud, f64), Failure> {
        let cloud = Cloud::start(&bench.binary, driver)?;
        pause(SETTLING);
        let memory = memory_mib(cloud.process()?, "VmRSS")?;
        Ok((cloud, memory))
    };
    let (_, qemu) = idle("qemu")?;
    let (cloud, sim) = idle("sim")?;
    let mut client = cloud.client()?;
    let recipe = client.recipe(&bench.image)?;
    let mut servers = Vec::new();
    for _ in 0..SERVERS {
        servers.push(client.create(&recipe)?.id);
    }
    for server in &servers {
        client.until_active(server, Duration::from_millis(5))?;
        client.delete(&format!("/compute/v2.1/servers/{server}"))?;
    }
    for server in servers.iter().rev() {
        while client.get(&format!("/compute/v2.1/servers/{server}")).is_ok() {
            pause(Duration::from_millis(5));
        }
    }
    pause(SETTLING);
    let after = memory_mib(cloud.process()?, "VmRSS")?;
    let most = memory_mib(cloud.process()?, "VmHWM")?;
    let row = |what: &str, value| Row::new(NAME, what, "MiB", vec![value]);
    let memory = || ("G11", Goal::AtMost(64.0));
    let (name, goal) = memory();
    Ok(vec![
        row("RSS, idle after the start, driver qemu", qemu).goal(name, goal),
        row("RSS, idle after the start, driver sim", sim).goal(name, goal),
        row("RSS, idle after 1000 creates and deletes, driver sim", after).goal(name, goal),
        row("RSS, the most in that run", most),
        row(
            "the binary",
            mib(fs::metadata(&bench.binary).map_err(Failure::at(&bench.binary))?.len()),
        ),
        row("the binary, stripped", stripped(bench)?).goal("real thing", Goal::AtMost(40.0)),
    ])
}

fn mib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

fn stripped(bench: &Bench) -> Result<f64, Failure> {
    let path = std::env::temp_dir().join(format!("hatchery-stripped-{}", std::process::id()));
    output_of(Command::new("strip").arg("-o").arg(&path).arg(&bench.binary))?;
    let size = fs::metadata(&path).map(|found| mib(found.len())).map_err(Failure::at(&path));
    fs::remove_file(&path).map_err(Failure::at(&path))?;
    size
}

/// From exec to the first 200, on a fresh state folder and on one that is there.
pub fn exec(bench: &Bench) -> Result<Vec<Row>, Failure> {
    const NAME: &str = "exec";
    let (mut fresh, mut again) = (Vec::new(), Vec::new());
    for _ in 0..bench.repeats {
        let mut cloud = Cloud::prepare(&bench.binary, "qemu")?;
        fresh.push(cloud.up()?.as_secs_f64() * 1000.0);
        cloud.down()?;
        again.push(cloud.up()?.as_secs_f64() * 1000.0);
    }
    Ok(vec![
        Row::new(NAME, "exec -> first 200, state folder that exists", "ms", again)
            .goal("G11", Goal::AtMost(100.0)),
        Row::new(NAME, "exec -> first 200, fresh state folder", "ms", fresh)
            .goal("G11", Goal::AtMost(100.0)),
    ])
}
