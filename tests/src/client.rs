//! A plain HTTP client, which shows answers as they are.

use serde_json::{Value, json};
use std::fs::File;
use std::path::Path;
use std::time::Duration;
use ureq::Agent;

/// An answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// The body as JSON; a text where it is not JSON.
    pub body: Value,
    /// Headers, names in lower case.
    pub headers: Vec<(String, String)>,
}

impl Answer {
    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The body of an answer that must have this status.
    pub fn expect(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.body);
        self.body
    }
}

/// A client with or without a token.
#[derive(Clone)]
pub struct Client {
    agent: Agent,
    base: String,
    token: Option<String>,
}

impl Client {
    /// Without a token.
    pub fn new(base: &str) -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_connect(Some(Duration::from_secs(10)))
            .timeout_global(Some(Duration::from_secs(120)))
            .build();
        Self { agent: Agent::new_with_config(config), base: base.to_owned(), token: None }
    }

    /// With this token.
    pub fn with_token(&self, token: &str) -> Self {
        Self { token: Some(token.to_owned()), ..self.clone() }
    }

    /// The same user, logged in by password to a project.
    pub fn log_in(&self, user: &str, password: &str, project: &str) -> Self {
        let domain = json!({"name": "Default"});
        let body = json!({"auth": {
            "identity": {"methods": ["password"], "password": {
                "user": {"name": user, "password": password, "domain": domain}}},
            "scope": {"project": {"name": project, "domain": domain}},
        }});
        let answer = self.post("/identity/v3/auth/tokens", &body);
        let token = answer.header("x-subject-token").map(str::to_owned);
        answer.expect(201);
        self.with_token(&token.unwrap())
    }

    /// The token.
    pub fn token(&self) -> &str {
        self.token.as_deref().unwrap_or_default()
    }

    /// The address of the cloud.
    pub fn base(&self) -> &str {
        &self.base
    }

    fn send(&self, method: &str, path: &str, body: Option<&[u8]>, kind: &str) -> Answer {
        self.try_send(method, path, body, kind, "compute 2.96")
            .unwrap_or_else(|error| panic!("{method} {path}: {error}"))
    }

    /// Any method of the block storage service, with a body unless it is null.
    pub fn volume(&self, method: &str, path: &str, body: &Value) -> Answer {
        let body = if body.is_null() { None } else { Some(body.to_string()) };
        let bytes = body.as_ref().map(|body| body.as_bytes());
        let path = format!("/volume/v3{path}");
        self.try_send(method, &path, bytes, "application/json", "volume 3.71")
            .unwrap_or_else(|error| panic!("{method} {path}: {error}"))
    }

    fn try_send(
        &self,
        method: &str,
        path: &str,
        body: Option<&[u8]>,
        kind: &str,
        version: &str,
    ) -> Result<Answer, ureq::Error> {
        let mut request = ureq::http::Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.base))
            .header("openstack-api-version", version);
        if let Some(token) = &self.token {
            request = request.header("x-auth-token", token);
        }
        if body.is_some() {
            request = request.header("content-type", kind);
        }
        let agent = self.agent.configure_request(request.body(body.unwrap_or_default()).unwrap());
        let request = agent.allow_non_standard_methods(true).build();
        self.agent.run(request).map(read)
    }

    /// GET with another compute microversion.
    pub fn raw_version(&self, path: &str, version: &str) -> Answer {
        self.try_send("GET", path, None, "", &format!("compute {version}")).unwrap()
    }

    /// Any method, against a cloud that may die meanwhile.
    pub fn try_raw(&self, method: &str, path: &str, body: &[u8]) -> Result<Answer, ureq::Error> {
        self.try_send(method, path, Some(body), "application/json", "compute 2.96")
    }

    /// GET.
    pub fn get(&self, path: &str) -> Answer {
        self.send("GET", path, None, "")
    }

    /// DELETE.
    pub fn delete(&self, path: &str) -> Answer {
        self.send("DELETE", path, None, "")
    }

    /// POST of JSON.
    pub fn post(&self, path: &str, body: &Value) -> Answer {
        self.send("POST", path, Some(body.to_string().as_bytes()), "application/json")
    }

    /// Any method with any bytes.
    pub fn raw(&self, method: &str, path: &str, body: &[u8], kind: &str) -> Answer {
        self.send(method, path, Some(body), kind)
    }

    /// PUT of a file.
    pub fn put_file(&self, path: &str, file: &Path) -> Answer {
        let request = self
            .agent
            .put(format!("{}{path}", self.base))
            .header("x-auth-token", self.token())
            .header("content-type", "application/octet-stream");
        read(request.send(File::open(file).unwrap()).unwrap())
    }
}

fn read(mut answer: ureq::http::Response<ureq::Body>) -> Answer {
    let headers = answer
        .headers()
        .iter()
        .map(|(name, value)| {
            (name.as_str().to_owned(), value.to_str().unwrap_or_default().to_owned())
        })
        .collect();
    let text = answer.body_mut().read_to_string().unwrap_or_default();
    let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
    Answer { status: answer.status().as_u16(), body, headers }
}
