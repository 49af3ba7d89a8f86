//! `hatchery down`: the cloud stops; with `--guests` its guests and networks on this host too.

use crate::cli::Down;
use crate::clock::SystemClock;
use crate::config;
use crate::state_dir::StateDir;
use crate::wire;
use anyhow::{Context, bail};
use hatchery_agent::Registry;
use hatchery_model::id::ServerId;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long the cloud's process may take to end.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long a guest may take to power off.
const GRACE: Duration = Duration::from_secs(2);

/// Stops what runs; `Ok` when nothing does.
pub fn run(args: Down) -> anyhow::Result<ExitCode> {
    let state = StateDir::new(&args.state.dir)?;
    stop_cloud(&state)?;
    if args.guests && state.path().exists() {
        let _held = state.hold()?;
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        runtime.block_on(stop_guests(&state))?;
    }
    Ok(ExitCode::SUCCESS)
}

#[allow(clippy::disallowed_methods)] // The end of a process that is not our child can only be looked at.
fn stop_cloud(state: &StateDir) -> anyhow::Result<()> {
    let deadline = Instant::now() + PATIENCE;
    let mut asked = None;
    while let Some(process) = state.holder()? {
        if asked != Some(process) {
            kill(Pid::from_raw(process), Signal::SIGTERM)
                .with_context(|| format!("process {process} cannot be told to stop"))?;
            println!("process {process} told to stop");
            asked = Some(process);
        }
        if Instant::now() > deadline {
            bail!("process {process} has not stopped within {} s", PATIENCE.as_secs());
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}

async fn stop_guests(state: &StateDir) -> anyhow::Result<()> {
    let config = config::read(None, &state.join("hatchery.toml"))?;
    let clock = Arc::new(SystemClock);
    let hypervisor = wire::hypervisor(state, &config, clock)?;
    let mut stopping = tokio::task::JoinSet::new();
    for entry in std::fs::read_dir(state.join("instances")).into_iter().flatten() {
        let entry = entry?;
        let name = entry.file_name().into_string().unwrap_or_default();
        let Ok(server) = name.parse::<ServerId>() else {
            continue;
        };
        let hypervisor = hypervisor.clone();
        stopping.spawn(async move {
            if let Some(guest) = hypervisor.adopt(server, &entry.path()).await? {
                guest.stop(GRACE).await?;
                println!("guest of server {server} stopped");
            }
            anyhow::Ok(())
        });
    }
    while let Some(stopped) = stopping.join_next().await {
        stopped??;
    }
    let network = wire::network_driver(state, &config, &Registry::default())?;
    for id in network.list_networks().await? {
        network.remove_network(id).await?;
        println!("network {id} removed from this host");
    }
    Ok(())
}
