//! From start to end of the cloud's process.

use crate::config::Config;
use crate::credentials::{self, Credentials};
use crate::entropy::SystemEntropy;
use crate::state_dir::StateDir;
use crate::wire;
use anyhow::Context;
use hatchery_api::http::serve::{Limits, serve};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// How long requests that are under way may take after the order to stop.
const GRACE: Duration = Duration::from_secs(10);

/// Starts everything, serves until SIGTERM or SIGINT, and ends what it started. Guests go on running.
pub async fn run(state: &StateDir, config: Config, listen: SocketAddr) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let listener = TcpListener::bind(listen)
        .await
        .with_context(|| format!("nothing can listen on {listen}; give another --listen"))?;
    let base = base_url(listener.local_addr()?, &config.default.my_ip);
    let password = credentials::password(state, &SystemEntropy)?;
    let cloud = wire::cloud(state, &config, &base, &password).await?;
    let auth_url = format!("{base}/identity");
    credentials::publish(state, &Credentials { auth_url, password })?;

    let (stop, stopping) = watch::channel(false);
    let serving =
        tokio::spawn(serve(listener, cloud.router.clone(), Limits::default(), stopping, GRACE));
    let ready = async {
        cloud.agent.reported().await;
        tracing::info!(url = base, state = %state.path().display(), "ready");
        std::future::pending::<()>().await;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
        () = ready => {}
    }
    tracing::info!("stopping; guests go on running");
    let _ = stop.send(true);
    serving.await.context("the server's task ended early")??;
    drop(cloud);
    tracing::info!("stopped");
    Ok(())
}

/// How clients reach us: where we listen, or `my_ip` where that is every address.
fn base_url(address: SocketAddr, my_ip: &str) -> String {
    if address.ip().is_unspecified() {
        format!("http://{my_ip}:{}", address.port())
    } else {
        format!("http://{address}")
    }
}
