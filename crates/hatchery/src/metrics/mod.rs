//! Metrics: the recorder behind the facade that every crate calls, the figures that are read when they are asked for, and both as Prometheus's text.
//!
//! Not here: what is counted where. Each crate names its metric at the place that it happens; `catalog` lists them.

mod catalog;
mod depths;
mod exposition;
mod figures;
mod host;

pub use depths::Depths;
pub use figures::figures;

use crate::clock::SystemClock;
use anyhow::Context;
use catalog::{Kind, Metric, Of, RECORDED};
use exposition::Text;
use hatchery_api::http::exposition::{ReadMetrics, router};
use hatchery_api::http::serve::{Limits, serve as serve_http};
use hatchery_model::live::LiveFigures;
use hatchery_model::timestamp::Timestamp;
use hatchery_ports::clock::Clock;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Samples of durations are sorted into their buckets at least so often: until then each takes memory.
const UPKEEP: Duration = Duration::from_secs(5);
/// How long a reader that is being answered is waited for at the end.
const GRACE: Duration = Duration::from_secs(1);

/// What this process measures. Cheap to clone.
#[derive(Clone)]
pub struct Metrics {
    handle: PrometheusHandle,
    began: Timestamp,
    depths: Option<Arc<Depths>>,
}

impl Metrics {
    /// Installs the recorder. `depths` are a cloud's; without them only what every process has is told. Called once a process.
    pub fn install(depths: Option<Depths>) -> anyhow::Result<Self> {
        let mut builder = PrometheusBuilder::new();
        for metric in RECORDED {
            if let Kind::Histogram(buckets) = metric.kind {
                let name = Matcher::Full(metric.name.to_owned());
                builder = builder.set_buckets_for_metric(name, buckets)?;
            }
        }
        let recorder = builder.build_recorder();
        let handle = recorder.handle();
        metrics::set_global_recorder(recorder)
            .map_err(|_| anyhow::anyhow!("this process measures already"))?;
        let is_cloud = depths.is_some();
        for metric in RECORDED.iter().filter(|metric| is_cloud || metric.of == Of::Every) {
            begin(metric);
        }
        Ok(Self { handle, began: SystemClock.now(), depths: depths.map(Arc::new) })
    }

    /// Everything, as Prometheus reads it.
    pub async fn render(&self) -> String {
        let mut text = Text::default();
        if let Some(depths) = &self.depths {
            depths.expose(&mut text).await;
        }
        self.handle.render() + &text.into_string() + &self.own()
    }

    /// What the process and the host have.
    fn own(&self) -> String {
        let mut text = Text::default();
        host::expose(&mut text);
        let began = self.began.0 as f64 / 1e6;
        text.metric("hatchery_process_start_time_seconds", [(None, began)]);
        text.into_string()
    }

    /// What people look at.
    pub async fn figures(&self) -> LiveFigures {
        if let Some(depths) = &self.depths {
            depths.note_pool().await;
        }
        figures(&(self.handle.render() + &self.own()))
    }

    /// For the route.
    pub fn reader(&self) -> ReadMetrics {
        let metrics = self.clone();
        Arc::new(move || {
            let metrics = metrics.clone();
            Box::pin(async move { metrics.render().await })
        })
    }

    /// Keeps the recorder small. Ends when the task is aborted.
    pub fn keep(&self) -> JoinHandle<()> {
        let handle = self.handle.clone();
        tokio::spawn(async move {
            let mut timer = tokio::time::interval(UPKEEP);
            loop {
                timer.tick().await;
                handle.run_upkeep();
            }
        })
    }
}

fn begin(metric: &Metric) {
    let (name, unit, help) = (metric.name, metric.unit, metric.help);
    match metric.kind {
        Kind::Counter => metrics::describe_counter!(name, unit, help),
        Kind::Gauge => metrics::describe_gauge!(name, unit, help),
        Kind::Histogram(_) => metrics::describe_histogram!(name, unit, help),
    }
    for labels in metric.series() {
        match metric.kind {
            Kind::Counter => metrics::counter!(name, labels).absolute(0),
            Kind::Gauge => metrics::gauge!(name, labels).set(0.0),
            Kind::Histogram(_) => drop(metrics::histogram!(name, labels)),
        }
    }
}

#[allow(dead_code)] // Of `serve`.
/// A process that serves its metrics on an address of their own. Dropping it ends that.
pub struct Serving {
    /// Where.
    pub address: SocketAddr,
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.stop.send(true);
        for task in &self.tasks {
            task.abort();
        }
    }
}

#[allow(dead_code)] // `hatchery warm` calls it.
/// Measures, and serves `GET /metrics` on this address, for a process that has no APIs: `hatchery warm --metrics ADDR:PORT`. An address that cannot be
/// had is an error that names it.
pub async fn serve(address: SocketAddr) -> anyhow::Result<Serving> {
    let listener = TcpListener::bind(address)
        .await
        .with_context(|| format!("nothing can listen on {address}; give another --metrics"))?;
    let address = listener.local_addr()?;
    let metrics = Metrics::install(None)?;
    let (stop, stopping) = watch::channel(false);
    let doors = router(metrics.reader());
    let serving = tokio::spawn(async move {
        if let Err(error) = serve_http(listener, doors, Limits::default(), stopping, GRACE).await {
            tracing::error!(%error, "the metrics are not served any more");
        }
    });
    tracing::info!(%address, "metrics are served at /metrics");
    Ok(Serving { address, stop, tasks: vec![serving, metrics.keep()] })
}
