//! `hatchery up`: the whole cloud, in the foreground.

use crate::cli::Up;
use crate::config;
use crate::lifecycle;
use crate::logging::{self, Logging};
use crate::state_dir::StateDir;
use anyhow::Context;
use std::process::ExitCode;

/// Runs until it is told to stop.
pub fn run(args: Up) -> anyhow::Result<ExitCode> {
    let state = StateDir::new(&args.state.dir)?;
    let config = config::read(args.config.as_deref(), &state.join("hatchery.toml"))?;
    state.make()?;
    let logging = Logging::of(&config.default, &state.join("log"))?;
    // Two processes must not set one file aside.
    let _held = state.hold()?;
    logging::start(&logging);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .max_blocking_threads(64)
        .build()
        .context("no threads can be started")?;
    let ended = runtime.block_on(lifecycle::run(&state, config, args.listen));
    runtime.shutdown_timeout(std::time::Duration::from_secs(2));
    ended.map(|()| ExitCode::SUCCESS)
}
