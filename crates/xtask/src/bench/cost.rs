//! What one create costs the database and the disk: statements, commits, and calls that wait for the disk. Creates stand
//! apart, so that none shares a commit with another; what an idle cloud does in the same time is taken off.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Signal, kill_process};

use super::Bench;
use super::client::{Client, Recipe};
use super::cloud::{Cloud, pid_of};
use super::process::{pause, wall_micros};
use super::report::{Goal, Row};
use crate::failure::Failure;

const NAME: &str = "cost";
/// A create's own time: what it leaves to be done, and the host's report of the change, fall into it.
const WINDOW: Duration = Duration::from_millis(2500);

/// What happened in a window.
#[derive(Default)]
struct Spent {
    statements: Vec<f64>,
    commits: Vec<f64>,
    syncs: Vec<f64>,
    until_active: Vec<f64>,
}

pub fn run(bench: &Bench) -> Result<Vec<Row>, Failure> {
    let mut rows = Vec::new();
    for driver in ["sim", "qemu"] {
        let cloud = Cloud::start(&bench.binary, driver)?;
        let mut client = cloud.client()?;
        let recipe = client.recipe(&bench.image)?;
        // The first of an image also links it.
        let first = client.create(&recipe)?;
        client.until_active(&first.id, Duration::from_millis(20))?;
        client.remove(&first.id, Duration::from_millis(20))?;
        let spent = watched(&cloud, &mut client, &recipe, bench.repeats)?;
        let row = |what: &str, samples| {
            Row::new(NAME, format!("one create, driver {driver}: {what}"), "", samples)
        };
        rows.push(row("SQL statements", spent.statements).goal("real thing", Goal::AtMost(12.0)));
        rows.push(row("commits", spent.commits));
        rows.push(row("fsyncs", spent.syncs).goal("real thing", Goal::AtMost(3.0)));
        rows.push(row("fsyncs until the guest runs", spent.until_active));
    }
    Ok(rows)
}

fn watched(
    cloud: &Cloud,
    client: &mut Client,
    recipe: &Recipe,
    repeats: usize,
) -> Result<Spent, Failure> {
    let log = cloud.state().join("strace.log");
    let tracer = trace(cloud.process()?, &log)?;
    pause(WINDOW);
    let (mut windows, mut figures) = (Vec::new(), Vec::new());
    let (from, before) = (wall_micros(), client.figures()?);
    for _ in 0..2 {
        pause(WINDOW);
    }
    let (to, after) = (wall_micros(), client.figures()?);
    let idle = ((after.0 - before.0) / 2.0, (after.1 - before.1) / 2.0);
    let mut servers = Vec::new();
    for _ in 0..repeats {
        let (start, before) = (wall_micros(), client.figures()?);
        servers.push(client.create(recipe)?);
        pause(WINDOW);
        let after = client.figures()?;
        windows.push((start, wall_micros()));
        figures.push((after.0 - before.0 - idle.0, after.1 - before.1 - idle.1));
    }
    stop(tracer)?;
    let calls = calls(&fs::read_to_string(&log).map_err(Failure::at(&log))?);
    let within = |(from, to): (i64, i64)| {
        calls.iter().filter(|(at, _)| (from..to).contains(at)).count() as f64
    };
    let idle_syncs = within((from, to)) / 2.0;
    let mut spent = Spent::default();
    for ((window, figures), server) in windows.into_iter().zip(figures).zip(servers) {
        client.until_active(&server.id, Duration::from_millis(20))?;
        let steps = client.timeline(&server.id)?;
        let start = super::client::find(&steps, "compute_start")?;
        spent.statements.push(figures.0);
        spent.commits.push(figures.1);
        spent.syncs.push(within(window) - idle_syncs);
        spent.until_active.push(within((window.0, start.end)));
        client.remove(&server.id, Duration::from_millis(20))?;
    }
    tell(&calls, cloud.state());
    Ok(spent)
}

/// Follows the process's threads, and lets go of whatever becomes another program.
fn trace(process: u32, log: &Path) -> Result<Child, Failure> {
    let mut command = Command::new("strace");
    command.args(["-f", "-ttt", "-y", "--detach-on=execve", "-e", "trace=fsync,fdatasync"]);
    command.arg("-o").arg(log).args(["-p", &process.to_string()]);
    let spawned = command.stdin(Stdio::null()).stderr(Stdio::null()).spawn();
    spawned.map_err(Failure::of("cannot start strace: install the package strace"))
}

fn stop(mut tracer: Child) -> Result<(), Failure> {
    if let Some(pid) = pid_of(tracer.id()) {
        kill_process(pid, Signal::INT).map_err(Failure::of("strace"))?;
    }
    tracer.wait().map(drop).map_err(Failure::of("strace"))
}

/// Time in microseconds and file of each call in strace's log.
fn calls(log: &str) -> Vec<(i64, String)> {
    let call = |line: &str| {
        let (_, rest) = line.split_once(' ')?;
        let (time, call) = rest.trim_start().split_once(' ')?;
        let (seconds, fraction) = time.split_once('.')?;
        let micros = seconds.parse::<i64>().ok()? * 1_000_000 + fraction.parse::<i64>().ok()?;
        let (name, arguments) = call.split_once('(')?;
        let file = arguments.split_once('<')?.1.split('>').next()?;
        name.ends_with("sync").then(|| (micros, file.to_owned()))
    };
    log.lines().filter_map(call).collect()
}

/// Which files were waited for, on standard error: where to look when the figure is too high.
fn tell(calls: &[(i64, String)], state: &Path) {
    let state = state.display().to_string();
    let mut names: Vec<String> = calls.iter().map(|(_, file)| masked(file, &state)).collect();
    names.sort();
    let mut told: Vec<(usize, String)> = Vec::new();
    for name in names {
        match told.last_mut() {
            Some((count, last)) if *last == name => *count += 1,
            _ => told.push((1, name)),
        }
    }
    for (count, name) in told {
        eprintln!("cost: {count:>4} fsyncs of {name}");
    }
}

/// A file's name without the state folder, and with every id alike.
fn masked(file: &str, state: &str) -> String {
    let name = file.strip_prefix(state).unwrap_or(file);
    let is_id = |part: &str| part.len() == 36 && part.matches('-').count() == 4;
    let parts = name.split('/').map(|part| if is_id(part) { "ID" } else { part });
    parts.collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::{calls, masked};

    #[test]
    fn calls_are_read_and_nothing_else_is() {
        let log = "12 1763702605.500042 fdatasync(9</s/a.db-wal>) = 0\n\
                   13 1763702605.600000 fsync(7</s/x> <unfinished ...>\n\
                   13 1763702605.700000 <... fsync resumed>) = 0\n\
                   14 1763702605.800000 +++ exited with 0 +++\n";
        let calls = calls(log);
        assert_eq!(calls.len(), 2, "{calls:?}");
        assert_eq!(calls[0], (1_763_702_605_500_042, "/s/a.db-wal".to_owned()));
        assert_eq!(
            masked("/s/instances/6d8b1f0e-0000-4000-8000-0000000000a1/x", "/s"),
            "/instances/ID/x"
        );
    }
}
