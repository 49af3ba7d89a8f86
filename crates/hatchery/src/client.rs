//! A small client of our own APIs, for the commands that talk to a running cloud as a user does.

use crate::credentials::Credentials;
use anyhow::{Context, anyhow, bail};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::fs::File;
use std::path::Path;
use std::time::Duration;
use ureq::{Agent, Body, http::Response};

/// A logged-in administrator.
pub struct Client {
    agent: Agent,
    token: String,
    endpoints: HashMap<String, String>,
}

impl Client {
    /// Logs in to the project `admin`.
    pub fn log_in(credentials: &Credentials) -> anyhow::Result<Self> {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_connect(Some(Duration::from_secs(10)))
            .build();
        let agent = Agent::new_with_config(config);
        let domain = json!({"name": "Default"});
        let user = json!({"name": "admin", "password": credentials.password, "domain": domain});
        let body = json!({"auth": {
            "identity": {"methods": ["password"], "password": {"user": user}},
            "scope": {"project": {"name": "admin", "domain": domain}},
        }});
        let base = credentials.auth_url.trim_end_matches('/').trim_end_matches("/v3");
        let url = format!("{base}/v3/auth/tokens");
        let answer = agent
            .post(&url)
            .send_json(&body)
            .with_context(|| format!("no cloud answers at {base}; start it with `hatchery up`"))?;
        let token = answer.headers().get("x-subject-token").and_then(|value| value.to_str().ok());
        let token = token.map(str::to_owned);
        let body = read(answer, &url)?;
        let token = token.context("the cloud gave no token")?;
        Ok(Self { agent, token, endpoints: endpoints(&body) })
    }

    fn url(&self, service: &str, path: &str) -> anyhow::Result<String> {
        let base = self
            .endpoints
            .get(service)
            .ok_or_else(|| anyhow!("the cloud's catalog has no service {service}"))?;
        Ok(format!("{base}{path}"))
    }

    /// GET.
    pub fn get(&self, service: &str, path: &str) -> anyhow::Result<Value> {
        let url = self.url(service, path)?;
        read(self.request(self.agent.get(&url)).call()?, &url)
    }

    /// POST of JSON.
    pub fn post(&self, service: &str, path: &str, body: &Value) -> anyhow::Result<Value> {
        let url = self.url(service, path)?;
        read(self.request(self.agent.post(&url)).send_json(body)?, &url)
    }

    /// DELETE.
    pub fn delete(&self, service: &str, path: &str) -> anyhow::Result<()> {
        let url = self.url(service, path)?;
        read(self.request(self.agent.delete(&url)).call()?, &url).map(|_| ())
    }

    /// PUT of a file's bytes.
    pub fn put_file(&self, service: &str, path: &str, file: &Path) -> anyhow::Result<()> {
        let url = self.url(service, path)?;
        let file =
            File::open(file).with_context(|| format!("{} cannot be read", file.display()))?;
        let request =
            self.request(self.agent.put(&url)).header("content-type", "application/octet-stream");
        read(request.send(file)?, &url).map(|_| ())
    }

    fn request<T>(&self, builder: ureq::RequestBuilder<T>) -> ureq::RequestBuilder<T> {
        // Block storage answers nobody who names a version of other services alone.
        let versions = "compute 2.96, volume 3.71";
        builder.header("x-auth-token", &self.token).header("openstack-api-version", versions)
    }
}

fn read(mut answer: Response<Body>, url: &str) -> anyhow::Result<Value> {
    let status = answer.status();
    let text = answer.body_mut().read_to_string().unwrap_or_default();
    if !status.is_success() {
        bail!("{url} answered {status}: {}", text.trim());
    }
    if text.is_empty() { Ok(Value::Null) } else { Ok(serde_json::from_str(&text)?) }
}

fn endpoints(token: &Value) -> HashMap<String, String> {
    let mut found = HashMap::new();
    for service in token["token"]["catalog"].as_array().into_iter().flatten() {
        let public = service["endpoints"].as_array().into_iter().flatten();
        let mut public = public.filter(|endpoint| endpoint["interface"] == "public");
        if let (Some(kind), Some(endpoint)) = (service["type"].as_str(), public.next()) {
            let url = endpoint["url"].as_str().unwrap_or_default().trim_end_matches('/');
            found.insert(kind.to_owned(), url.to_owned());
        }
    }
    found
}
