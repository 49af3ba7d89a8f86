//! `cargo xtask bench`: figures beside their goals. Each benchmark is one file, measures the release binary from outside,
//! and says what failed. Absolute times are those of the machine it runs on; ratios are of two things measured in turns.

mod accept;
mod bare;
mod client;
mod clone;
mod cloud;
mod cost;
mod first_boot;
mod footprint;
mod heal;
mod http;
mod overlay;
mod pool;
mod process;
mod report;
mod serve;
mod start;
mod upload;
mod volumes;

use std::path::{Path, PathBuf};
use std::process::Command;

use clap::Args;

use self::report::Row;
use crate::failure::Failure;

/// A benchmark: its name, what it measures, how.
type Entry = (&'static str, &'static str, fn(&Bench) -> Result<Vec<Row>, Failure>);

const ALL: &[Entry] = &[
    ("start", "create to vCPU running beside a bare QEMU, delete to gone", start::run),
    ("first-boot", "the first boot of a large image beside the second", first_boot::run),
    ("accept", "time to 202, the control plane's share, processor time", accept::run),
    ("cost", "SQL statements, commits and fsyncs of one create", cost::run),
    ("footprint", "memory and size", footprint::run),
    ("exec", "exec to the first 200", footprint::exec),
    ("serve", "requests a second", serve::run),
    ("upload", "uploads' throughput", upload::run),
    ("overlay", "an overlay in process beside qemu-img", overlay::run),
    ("pool", "a quiet pass over 10,000 bases, a link, a lost base put back", pool::run),
    (
        "clone",
        "a server's disk in Ceph beside bare librbd, a large image beside a small one",
        clone::run,
    ),
    ("volumes", "five hundred volumes at once of a cold image", volumes::run),
    ("heal", "a base lost under twenty stopped guests, put back, all started", heal::run),
];

/// Measure the release binary, and print each figure beside its goal.
#[derive(Args)]
pub struct BenchArgs {
    /// Which: start, first-boot, accept, cost, footprint, exec, serve, upload, overlay, pool, clone, volumes, heal; all if none is named.
    names: Vec<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    /// Repeats of what is not counted by the thousand.
    #[arg(long, default_value_t = 7)]
    repeats: usize,
    /// A guest's image; `cargo xtask guest tiny` builds one.
    #[arg(long, default_value = "target/guest/tiny.qcow2")]
    image: PathBuf,
    /// Measure what is built already.
    #[arg(long)]
    no_build: bool,
}

/// What every benchmark is given.
pub struct Bench {
    binary: PathBuf,
    image: PathBuf,
    repeats: usize,
}

impl BenchArgs {
    /// Runs. A benchmark that cannot be run fails the command, after the others.
    pub fn run(&self) -> Result<(), Failure> {
        for name in &self.names {
            if !ALL.iter().any(|(known, ..)| known == name) {
                let known: Vec<&str> = ALL.iter().map(|(known, ..)| *known).collect();
                let known = known.join(", ");
                return Err(Failure::new(format!(
                    "there is no benchmark {name}; there are {known}"
                )));
            }
        }
        if !self.no_build {
            build(&["-p", "hatchery", "--bin", "hatchery"])?;
            build(&[
                "-p",
                "hatchery-storage",
                "--example",
                "overlay",
                "--example",
                "pool",
                "--example",
                "clone",
            ])?;
        }
        if !self.image.exists() {
            let image = self.image.display();
            let hint =
                format!("{image} is missing: `cargo xtask guest tiny --out {image}` builds it");
            return Err(Failure::new(hint));
        }
        let bench = Bench {
            binary: std::path::absolute("target/release/hatchery")
                .map_err(Failure::at(Path::new("target/release/hatchery")))?,
            image: self.image.clone(),
            repeats: self.repeats.max(1),
        };
        let (mut rows, mut broken) = (Vec::new(), Vec::new());
        for (name, what, run) in ALL {
            if !self.names.is_empty() && !self.names.iter().any(|wanted| wanted == name) {
                continue;
            }
            eprintln!("{name}: {what}");
            match run(&bench) {
                Ok(more) => rows.extend(more),
                Err(failure) => {
                    complain(name, Some(failure));
                    broken.push(*name);
                }
            }
        }
        if self.json {
            println!("{:#}", report::json(&rows));
        } else {
            print!("{}", report::table(&rows));
        }
        match broken.is_empty() {
            true => Ok(()),
            false => Err(Failure::new(format!("could not be measured: {}", broken.join(", ")))),
        }
    }
}

fn build(what: &[&str]) -> Result<(), Failure> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo).args(["build", "--release"]).args(what).status();
    match status.map_err(Failure::of("cannot start cargo"))?.success() {
        true => Ok(()),
        false => Err(Failure::new("the release build failed")),
    }
}

/// Tells of an attempt that failed; it is counted too.
fn complain(bench: &str, failure: Option<Failure>) {
    if let Some(failure) = failure {
        eprintln!("{bench}: {failure}");
    }
}
