//! Requests: bounded in time and in bytes, never led to another host.

use crate::credentials::Credentials;
use crate::error::OpenstackError;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use ureq::tls::{PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::{Agent, http};

/// Bytes of an answer that tells of an error, as far as it is shown.
const SHOWN: usize = 300;

/// How long to wait.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TimeLimits {
    /// For a connection.
    pub connect: Duration,
    /// For one request with its whole answer.
    pub request: Duration,
}

impl Default for TimeLimits {
    fn default() -> Self {
        Self { connect: Duration::from_secs(10), request: Duration::from_secs(60) }
    }
}

/// A client of one cloud.
pub struct Http {
    agent: Agent,
}

/// An answer, whatever its status.
pub struct Answer {
    pub status: u16,
    pub headers: http::HeaderMap,
    pub body: Vec<u8>,
    url: String,
}

impl Http {
    pub fn new(credentials: &Credentials, limits: TimeLimits) -> Result<Self, OpenstackError> {
        let roots = match &credentials.ca_file {
            Some(path) => RootCerts::Specific(Arc::new(certificates(path)?)),
            None => RootCerts::PlatformVerifier,
        };
        let tls = TlsConfig::builder()
            .root_certs(roots)
            .disable_verification(credentials.insecure)
            .build();
        let config = Agent::config_builder()
            .http_status_as_error(false)
            // A redirect could carry the token to whoever it names.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_connect(Some(limits.connect))
            .timeout_global(Some(limits.request))
            .tls_config(tls)
            .user_agent(concat!("hatchery/", env!("CARGO_PKG_VERSION")))
            .build();
        Ok(Self { agent: Agent::new_with_config(config) })
    }

    /// Sends one request. An answer longer than `limit` bytes is [`OpenstackError::Unavailable`].
    pub fn send(
        &self,
        method: &str,
        url: &str,
        token: Option<&str>,
        body: Option<&Value>,
        limit: u64,
    ) -> Result<Answer, OpenstackError> {
        let mut request =
            http::Request::builder().method(method).uri(url).header("accept", "application/json");
        if let Some(token) = token {
            request = request.header("x-auth-token", token);
        }
        let body = match body {
            Some(body) => {
                request = request.header("content-type", "application/json");
                body.to_string().into_bytes()
            }
            None => Vec::new(),
        };
        let request = request.body(body).map_err(|error| {
            OpenstackError::Invalid(format!("{url} is no address that can be asked: {error}"))
        })?;
        let cut = |source| OpenstackError::Unreachable { url: url.to_owned(), source };
        let mut answer = self.agent.run(request).map_err(cut)?;
        let body = answer.body_mut().with_config().limit(limit).read_to_vec().map_err(cut)?;
        Ok(Answer {
            status: answer.status().as_u16(),
            headers: answer.headers().clone(),
            body,
            url: url.to_owned(),
        })
    }
}

impl Answer {
    /// The body of an answer that went well; what another means, by its status.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, OpenstackError> {
        self.ok()?;
        serde_json::from_slice(&self.body).map_err(|error| {
            OpenstackError::Unavailable(format!(
                "the answer of {} is not what was asked for: {error}",
                self.url
            ))
        })
    }

    /// Whether it went well; what another status means.
    pub fn ok(&self) -> Result<(), OpenstackError> {
        let said = || format!("{} answered {}: {}", self.url, self.status, self.text());
        match self.status {
            200..=299 => Ok(()),
            300..=399 => Err(OpenstackError::Unavailable(format!(
                "{} answered {} and names another address, which is not followed; set the address that it names",
                self.url, self.status
            ))),
            401 | 403 => Err(OpenstackError::Denied(said())),
            404 => Err(OpenstackError::NotFound(said())),
            _ => Err(OpenstackError::Unavailable(said())),
        }
    }

    /// The beginning of what it said, in one line.
    fn text(&self) -> String {
        let text = String::from_utf8_lossy(&self.body);
        let words: Vec<&str> = text.split_whitespace().collect();
        words.join(" ").chars().take(SHOWN).collect()
    }
}

/// The certificates of a file in PEM.
fn certificates(path: &Path) -> Result<Vec<ureq::tls::Certificate<'static>>, OpenstackError> {
    let refused = |why: String| {
        OpenstackError::Invalid(format!(
            "the certificates of {} (OS_CACERT): {why}",
            path.display()
        ))
    };
    let text = fs::read(path).map_err(|error| refused(error.to_string()))?;
    let mut found = Vec::new();
    for item in parse_pem(&text) {
        if let PemItem::Certificate(certificate) =
            item.map_err(|error| refused(error.to_string()))?
        {
            found.push(certificate);
        }
    }
    if found.is_empty() {
        return Err(refused("there is none in it".to_owned()));
    }
    Ok(found)
}
