//! One file a subcommand.

mod ceph;
mod demo;
mod doctor;
mod down;
mod explain;
mod heal;
pub mod pool;
mod timeline;
mod top;
mod up;
pub mod warm;

use crate::cli::{Cli, Command};
use std::process::ExitCode;

/// Runs the chosen subcommand.
pub fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    match cli.command {
        Command::Up(args) => up::run(args),
        Command::Down(args) => down::run(args),
        Command::Doctor(args) => doctor::run(args),
        Command::Explain(args) => explain::run(&args),
        Command::Pool(args) => pool::run(&args),
        Command::Heal(args) => heal::run(&args),
        Command::Warm(args) => warm::run(&args),
        Command::Ceph(args) => ceph::run(&args),
        Command::Demo(args) => demo::run(&args),
        Command::Top(args) => top::run(&args),
    }
}
