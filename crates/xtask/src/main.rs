//! The project's own tasks: `cargo xtask help` lists them.

mod failure;
mod guest;

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
}

impl Task {
    fn run(&self) -> Result<(), Failure> {
        match self {
            Self::Guest(guest) => guest.run(),
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
