//! `hatchery`: one binary, whole cloud.

mod cli;
mod client;
mod clock;
mod commands;
mod config;
mod credentials;
mod entropy;
mod lifecycle;
mod logging;
mod metrics;
mod state_dir;
mod wire;

use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    match commands::run(cli) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("hatchery: {error:#}");
            ExitCode::FAILURE
        }
    }
}
