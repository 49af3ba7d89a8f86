//! Serving: one listener, with limits that a slow or greedy client meets.

use axum::Router;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};

/// What one client may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Until the whole head of a request is there.
    pub head: Duration,
    /// Bytes of a request's head.
    pub head_bytes: usize,
    /// Connections at once.
    pub connections: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { head: Duration::from_secs(20), head_bytes: 64 * 1024, connections: 4096 }
    }
}

/// Serves until `stop` turns true, then lets requests that are under way end, for `grace` at the most.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    limits: Limits,
    mut stop: watch::Receiver<bool>,
    grace: Duration,
) -> std::io::Result<()> {
    let places = Arc::new(Semaphore::new(limits.connections));
    let mut tasks = tokio::task::JoinSet::new();
    loop {
        let Some(place) = unless_stopped(&mut stop, places.clone().acquire_owned()).await else {
            break;
        };
        let place = place.map_err(std::io::Error::other)?;
        let Some(accepted) = unless_stopped(&mut stop, listener.accept()).await else { break };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let _ = stream.set_nodelay(true);
        let router = router.clone();
        let stop = stop.clone();
        tasks.spawn(async move {
            connection(stream, router, limits, stop).await;
            drop(place);
        });
        while tasks.try_join_next().is_some() {}
    }
    let _ = tokio::time::timeout(grace, async { while tasks.join_next().await.is_some() {} }).await;
    Ok(())
}

/// What the future gives, or `None` once `stop` is true.
async fn unless_stopped<T>(
    stop: &mut watch::Receiver<bool>,
    future: impl Future<Output = T>,
) -> Option<T> {
    let stopped = async { stop.wait_for(|stop| *stop).await.is_ok() };
    tokio::select! {
        _ = stopped => None,
        value = future => Some(value),
    }
}

async fn connection(
    stream: tokio::net::TcpStream,
    router: Router,
    limits: Limits,
    mut stop: watch::Receiver<bool>,
) {
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head)
        .max_buf_size(limits.head_bytes.max(8192))
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    tokio::pin!(connection);
    let ended = unless_stopped(&mut stop, connection.as_mut()).await;
    let result = match ended {
        Some(result) => result,
        None => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = result {
        tracing::debug!(%error, "a connection ended early");
    }
}
