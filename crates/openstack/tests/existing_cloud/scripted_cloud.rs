//! A server on loopback that plays Keystone, Glance and Nova by a test's script.

use hatchery_openstack::{Auth, Credentials, Domain, Interface, Scope, Session, TimeLimits, User};
use hatchery_testkit::ManualClock;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Asked {
    pub method: String,
    /// Path and query.
    pub path: String,
    pub token: Option<String>,
    pub body: Value,
}

impl Asked {
    /// A parameter of the query.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        let query = self.path.split_once('?')?.1;
        query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
    }
}

/// What is answered.
pub enum Reply {
    Json(u16, Value),
    /// The connection is closed in the middle of the body.
    Cut,
    /// Nothing comes, until the client has gone.
    Silence,
    /// To another address.
    Redirect(String),
}

type Script = Box<dyn Fn(&Asked) -> Reply + Send + Sync>;

/// The server.
pub struct ScriptedCloud {
    pub base: String,
    pub clock: Arc<ManualClock>,
    log: Arc<Mutex<Vec<Asked>>>,
    tokens: Arc<AtomicUsize>,
}

impl ScriptedCloud {
    /// Answers what is not for Keystone by the script. Tokens are `token-1`, `token-2`, … and live for an hour.
    pub fn start(script: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Self {
        Self::with_roles(&["admin"], script)
    }

    /// With a user who has these roles.
    pub fn with_roles(
        roles: &'static [&'static str],
        script: impl Fn(&Asked) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let (log, tokens) = (Arc::<Mutex<Vec<Asked>>>::default(), Arc::new(AtomicUsize::new(0)));
        let script: Arc<Script> = Arc::new(Box::new(script));
        let served = (base.clone(), Arc::clone(&log), Arc::clone(&tokens));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (base, log, tokens) = served.clone();
                let script = Arc::clone(&script);
                std::thread::spawn(move || {
                    let asked = read(&stream);
                    log.lock().unwrap().push(asked.clone());
                    if asked.path == "/v3/auth/tokens" {
                        let number = tokens.fetch_add(1, Ordering::SeqCst) + 1;
                        let header = format!("X-Subject-Token: token-{number}\r\n");
                        write(&stream, 201, &header, &token(&base, roles).to_string());
                    } else {
                        answer(&stream, script(&asked));
                    }
                });
            }
        });
        Self { base, clock: Arc::default(), log, tokens }
    }

    /// A session with it, as patient as a busy machine wants it.
    pub fn session(&self) -> Arc<Session> {
        self.session_within(TimeLimits::default().request)
    }

    /// One that waits for so long for an answer.
    pub fn session_within(&self, request: Duration) -> Arc<Session> {
        let limits = TimeLimits { request, ..TimeLimits::default() };
        Arc::new(Session::new(self.credentials(), limits, self.clock.clone()).unwrap())
    }

    pub fn credentials(&self) -> Credentials {
        Credentials {
            auth_url: self.base.clone(),
            auth: Auth::Password {
                user: User::Named("keeper".into(), Domain::Id("default".into())),
                password: "secret".into(),
            },
            scope: Scope::Unnamed,
            region: Some("RegionOne".into()),
            interface: Interface::Internal,
            ca_file: None,
            insecure: false,
            endpoint_overrides: BTreeMap::new(),
        }
    }

    /// Tokens given so far.
    pub fn tokens(&self) -> usize {
        self.tokens.load(Ordering::SeqCst)
    }

    /// Everything that was asked.
    pub fn asked(&self) -> Vec<Asked> {
        self.log.lock().unwrap().clone()
    }
}

fn token(base: &str, roles: &[&str]) -> Value {
    let roles: Vec<Value> = roles.iter().map(|role| json!({"id": role, "name": role})).collect();
    let endpoint = |interface: &str, region: &str, url: String| json!({"id": "e", "interface": interface, "region": region, "region_id": region, "url": url});
    json!({"token": {
        "issued_at": "2030-01-01T10:00:00.000000Z",
        "expires_at": "2030-01-01T11:00:00.000000Z",
        "user": {"id": "u", "name": "keeper", "domain": {"id": "default", "name": "Default"}},
        "roles": roles,
        "catalog": [
            {"type": "image", "id": "i", "name": "glance", "endpoints": [
                endpoint("public", "RegionOne", "http://127.0.0.1:1/wrong".into()),
                endpoint("internal", "RegionTwo", "http://127.0.0.1:1/wrong".into()),
                endpoint("internal", "RegionOne", format!("{base}/image/v2/")),
            ]},
            {"type": "compute", "id": "c", "name": "nova", "endpoints": [
                endpoint("internal", "RegionOne", format!("{base}/compute/v2.1")),
            ]},
        ],
    }})
}

fn read(stream: &TcpStream) -> Asked {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    let mut words = line.split_whitespace().map(str::to_owned);
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let (mut length, mut token) = (0, None);
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).unwrap();
        let Some((name, value)) = header.trim().split_once(": ") else {
            break;
        };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.parse().unwrap(),
            "x-auth-token" => token = Some(value.to_owned()),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    Asked { method, path, token, body: serde_json::from_slice(&body).unwrap_or(Value::Null) }
}

fn answer(stream: &TcpStream, reply: Reply) {
    match reply {
        Reply::Json(status, body) => write(stream, status, "", &body.to_string()),
        Reply::Redirect(to) => write(stream, 302, &format!("Location: {to}\r\n"), ""),
        Reply::Cut => {
            let mut stream = stream;
            let _ =
                stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{\"images\": [");
        }
        Reply::Silence => {
            let mut stream = stream;
            let _ = stream.read(&mut [0]);
        }
    }
}

fn write(stream: &TcpStream, status: u16, headers: &str, body: &str) {
    let mut stream = stream;
    // The client may have gone.
    let _ = stream.write_all(
        format!(
            "HTTP/1.1 {status} X\r\nContent-Length: {}\r\nConnection: close\r\n{headers}\r\n{body}",
            body.len()
        )
        .as_bytes(),
    );
}
