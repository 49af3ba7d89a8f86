//! The project's own tasks: `cargo xtask help` lists them.

mod bench;
mod ceph;
mod ci;
mod failure;
mod guest;
mod tidy;

use std::process::ExitCode;

use clap::Parser;

use failure::Failure;

/// Tasks of the Hatchery project.
#[derive(Parser)]
#[command(name = "cargo xtask")]
enum Task {
    /// Build an image of a small guest.
    #[command(subcommand)]
    Guest(guest::Guest),
    /// Start, stop and show a Ceph of one node.
    #[command(subcommand)]
    Ceph(ceph::Ceph),
    /// Run everything that a change must pass, and sum it up.
    Ci,
    /// Measure the release binary, and print each figure beside its goal.
    Bench(bench::BenchArgs),
    /// Check the rules of the house that a compiler does not know.
    Tidy,
}

impl Task {
    fn run(&self) -> Result<(), Failure> {
        match self {
            Self::Guest(guest) => guest.run(),
            Self::Ceph(ceph) => ceph.run(),
            Self::Ci => ci::run(),
            Self::Bench(bench) => bench.run(),
            Self::Tidy => tidy::run(),
        }
    }
}

fn main() -> ExitCode {
    match Task::parse().run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("xtask: {failure}");
            ExitCode::FAILURE
        }
    }
}
