//! The metadata service of a network: HTTP on 169.254.169.254 in its namespace, answered on the agent's own runtime.
//!
//! Who asks is known by network and address alone; no header has a say. What is told is `guest_data`'s.

mod answer;
mod limits;

use super::names::METADATA_ADDRESS;
use super::namespace::Namespace;
use super::settings::NetSettings;
use bytes::Bytes;
use hatchery_model::id::NetworkId;
use hatchery_ports::metadata::MetadataSource;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use limits::{Limits, Place};
use std::convert::Infallible;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

const PORT: u16 = 80;
/// Longest that a connection lasts, whatever it does.
const CONNECTION_TIME: Duration = Duration::from_secs(120);
/// Most bytes of a request's head.
const HEAD: usize = 16 << 10;
/// Wait after a failed accept, which is a shortage of descriptors that passes.
const SHORTAGE: Duration = Duration::from_millis(100);

/// A listening metadata service. It closes when dropped.
#[derive(Debug)]
pub(super) struct Door(JoinHandle<()>);

impl Door {
    /// Listens. `AddrInUse` if another process does.
    pub(super) async fn open(
        network: NetworkId,
        namespace: &Namespace,
        source: Arc<dyn MetadataSource>,
        settings: &NetSettings,
    ) -> io::Result<Self> {
        let listener = namespace
            .run(|| {
                let listener = std::net::TcpListener::bind((METADATA_ADDRESS, PORT))?;
                listener.set_nonblocking(true)?;
                Ok(listener)
            })
            .await?;
        let listener = TcpListener::from_std(listener)?;
        let limits = Limits::new(settings.metadata_connections, settings.metadata_connections_each);
        let desk = Desk { network, source, request_time: settings.metadata_request_time };
        Ok(Self(tokio::spawn(accept(listener, Arc::new(desk), limits))))
    }

    /// Whether it still listens.
    pub(super) fn is_open(&self) -> bool {
        !self.0.is_finished()
    }

    /// Returns when nobody listens any more.
    pub(super) async fn close(mut self) {
        self.0.abort();
        // An error says that it was aborted, which was asked for.
        let _ = (&mut self.0).await;
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Who answers, and for which network.
struct Desk {
    network: NetworkId,
    source: Arc<dyn MetadataSource>,
    request_time: Duration,
}

async fn accept(listener: TcpListener, desk: Arc<Desk>, limits: Limits) {
    // Ends the connections, too, when it is dropped with this task.
    let mut connections = tokio::task::JoinSet::new();
    loop {
        match listener.accept().await {
            Ok((stream, caller)) => {
                // Over the limit, the connection is closed at once.
                if let Some(place) = limits.enter(caller.ip()) {
                    connections.spawn(serve(stream, caller.ip(), desk.clone(), place));
                }
            }
            Err(error) => {
                tracing::warn!(network.id = %desk.network, %error, "the metadata service cannot accept");
                tokio::time::sleep(SHORTAGE).await;
            }
        }
        while connections.try_join_next().is_some() {}
    }
}

async fn serve(stream: TcpStream, caller: IpAddr, desk: Arc<Desk>, _place: Place) {
    let request_time = desk.request_time;
    let service = service_fn(move |request: Request<Incoming>| {
        let response = answer::answer(request.method(), request.uri().path(), || {
            desk.source.find(desk.network, caller)
        });
        async move { Ok::<Response<Full<Bytes>>, Infallible>(response) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(request_time)
        .max_buf_size(HEAD)
        .serve_connection(TokioIo::new(stream), service);
    // A caller that breaks off or is too slow is no fault of ours.
    let _ = tokio::time::timeout(CONNECTION_TIME, connection).await;
}
