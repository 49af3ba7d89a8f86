//! Where readings come from: a cloud's own API, asked as its administrator, or any process that serves metrics.

use crate::cli::Top;
use crate::client::Client;
use crate::credentials;
use crate::metrics::figures;
use crate::state_dir::StateDir;
use anyhow::{Context, bail};
use hatchery_model::live::LiveFigures;
use hatchery_model::units::Bytes;
use serde::Deserialize;
use std::time::Duration;
use ureq::Agent;

/// A server that does not answer for so long is not reachable.
const PATIENCE: Duration = Duration::from_secs(5);

/// One look.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Reading {
    /// Counts and sizes.
    pub figures: LiveFigures,
    /// What is moving; `None` where only sums are told.
    pub transfers: Option<Vec<Moving>>,
}

/// One transfer, as `/os-hatchery-live` shows it.
#[derive(Clone, Debug, Deserialize)]
pub struct Moving {
    /// Its number.
    pub id: u64,
    /// `upload`, `download`, …
    pub kind: String,
    /// What is moved.
    pub what: String,
    /// Bytes so far.
    pub bytes: Bytes,
    /// Bytes in all.
    pub total: Option<Bytes>,
    /// Its rate.
    pub bytes_per_second: u64,
}

/// See the head of this file.
pub enum Source {
    /// A cloud's API; the client is logged in while it works.
    Cloud(StateDir, Option<Client>),
    /// A page of metrics.
    Metrics(String, Agent),
}

impl Source {
    /// As the command line says.
    pub fn of(args: &Top) -> anyhow::Result<Self> {
        let Some(url) = &args.metrics else {
            return Ok(Self::Cloud(StateDir::new(&args.state.dir)?, None));
        };
        let agent = Agent::config_builder().timeout_global(Some(PATIENCE)).build().into();
        Ok(Self::Metrics(page(url), agent))
    }

    /// For the screen's head.
    pub fn name(&self) -> String {
        match self {
            Self::Cloud(state, _) => state.path().display().to_string(),
            Self::Metrics(url, _) => url.clone(),
        }
    }

    /// Looks once.
    pub fn read(&mut self) -> anyhow::Result<Reading> {
        match self {
            Self::Cloud(state, client) => {
                if let Some(known) = client.take()
                    && let Ok(reading) = live(&known)
                {
                    *client = Some(known);
                    return Ok(reading);
                }
                // Its token may have expired, or the cloud have another address since its last start.
                let new = Client::log_in(&credentials::find(state)?)?;
                let reading = live(&new)?;
                *client = Some(new);
                Ok(reading)
            }
            Self::Metrics(url, agent) => {
                let answer = agent.get(&*url).call();
                let mut answer = answer.with_context(|| format!("nothing answers at {url}"))?;
                let text = answer.body_mut().read_to_string()?;
                if !text.contains("hatchery_") {
                    bail!(
                        "{url} has no metrics of hatchery: give the address of `hatchery warm --metrics`, or of a cloud"
                    );
                }
                Ok(Reading { figures: figures(&text), transfers: None })
            }
        }
    }
}

fn live(client: &Client) -> anyhow::Result<Reading> {
    let mut answer = client.get("compute", "/os-hatchery-live")?;
    serde_json::from_value(answer["live"].take()).context("the cloud's answer is not understood")
}

/// The page that an address means: `127.0.0.1:9100` is `http://127.0.0.1:9100/metrics`.
fn page(url: &str) -> String {
    let url = if url.contains("://") { url.to_owned() } else { format!("http://{url}") };
    let path = url.split_once("://").map_or("", |(_, rest)| rest);
    if path.trim_end_matches('/').contains('/') {
        url
    } else {
        format!("{}/metrics", url.trim_end_matches('/'))
    }
}

#[cfg(test)]
mod tests {
    use super::page;

    #[test]
    fn an_address_means_its_metrics() {
        for url in ["127.0.0.1:9100", "http://127.0.0.1:9100", "http://127.0.0.1:9100/"] {
            assert_eq!(page(url), "http://127.0.0.1:9100/metrics");
        }
        assert_eq!(page("https://a/b/metrics"), "https://a/b/metrics");
    }
}
