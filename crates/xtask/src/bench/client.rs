//! What the benchmarks ask of a cloud, over its public APIs.

use std::fs::File;
use std::io::Read;
use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::http::{Answer, Http};
use super::process::{micros_of, pause, wall_micros};
use crate::failure::Failure;

/// How long a server may take to change its state.
const PATIENCE: Duration = Duration::from_secs(120);

/// A logged-in administrator on one connection.
pub struct Client {
    http: Http,
    token: String,
}

/// What a new server is made of.
#[derive(Clone)]
pub struct Recipe {
    pub image: String,
    pub network: String,
}

/// A server that was asked for.
pub struct Asked {
    pub id: String,
    /// When, on the wall's clock.
    pub sent_micros: i64,
    /// From the sending to the answer.
    pub answered_ms: f64,
}

/// A step of a server's timeline, in microseconds of the wall's clock.
pub struct Step {
    pub name: String,
    pub start: i64,
    pub end: i64,
}

/// The body of a login by password.
pub fn login_body(password: &str) -> String {
    let domain = json!({"name": "Default"});
    let user = json!({"name": "admin", "password": password, "domain": domain});
    json!({"auth": {
        "identity": {"methods": ["password"], "password": {"user": user}},
        "scope": {"project": {"name": "admin", "domain": domain}},
    }})
    .to_string()
}

impl Client {
    /// Logs in to the project `admin`.
    pub fn log_in(address: SocketAddr, password: &str) -> Result<Self, Failure> {
        let mut http = Http::connect(address)?;
        let body = login_body(password);
        let answer = http.send("POST", "/identity/v3/auth/tokens", "", body.as_bytes())?;
        let token = answer.token.clone().ok_or_else(|| refused("a login", &answer))?;
        Ok(Self { http, token })
    }

    pub fn token(&self) -> &str {
        &self.token
    }

    fn call(&mut self, method: &str, path: &str, body: &[u8]) -> Result<Value, Failure> {
        let answer = self.http.send(method, path, &self.token, body)?;
        if !(200..300).contains(&answer.status) {
            return Err(refused(&format!("{method} {path}"), &answer));
        }
        match answer.body.is_empty() {
            true => Ok(Value::Null),
            false => serde_json::from_slice(&answer.body).map_err(Failure::of(path)),
        }
    }

    /// GET.
    pub fn get(&mut self, path: &str) -> Result<Value, Failure> {
        self.call("GET", path, b"")
    }

    /// POST of JSON.
    pub fn post(&mut self, path: &str, body: &Value) -> Result<Value, Failure> {
        self.call("POST", path, body.to_string().as_bytes())
    }

    /// PUT of JSON.
    pub fn put(&mut self, path: &str, body: &Value) -> Result<Value, Failure> {
        self.call("PUT", path, body.to_string().as_bytes())
    }

    /// DELETE.
    pub fn delete(&mut self, path: &str) -> Result<(), Failure> {
        self.call("DELETE", path, b"").map(drop)
    }

    /// Makes an image's record; gives its id.
    pub fn new_image(&mut self, name: &str, format: &str) -> Result<String, Failure> {
        let body = json!({"name": name, "disk_format": format, "container_format": "bare"});
        id_of(&self.post("/image/v2/images", &body)?)
    }

    /// Uploads a qcow2 file as a new image.
    pub fn upload(&mut self, name: &str, file: &Path) -> Result<String, Failure> {
        self.upload_as(name, "qcow2", file)
    }

    /// Uploads a file of this format as a new image.
    pub fn upload_as(&mut self, name: &str, format: &str, file: &Path) -> Result<String, Failure> {
        let image = self.new_image(name, format)?;
        let mut bytes = Vec::new();
        let read = File::open(file).and_then(|mut file| file.read_to_end(&mut bytes));
        read.map_err(Failure::at(file))?;
        self.stream(&image, &bytes, bytes.len() as u64)?;
        Ok(image)
    }

    /// Uploads `block`, as often as it takes to make `bytes`.
    pub fn stream(&mut self, image: &str, block: &[u8], bytes: u64) -> Result<(), Failure> {
        let path = format!("/image/v2/images/{image}/file");
        let answer = self.http.stream(&path, &self.token, block, bytes)?;
        if answer.status == 204 { Ok(()) } else { Err(refused("an upload", &answer)) }
    }

    /// The image in that file, on the network of the cloud's first start.
    pub fn recipe(&mut self, file: &Path) -> Result<Recipe, Failure> {
        let image = self.upload("bench", file)?;
        let networks = self.get("/network/v2.0/networks")?;
        Ok(Recipe { image, network: id_of(&networks["networks"][0])? })
    }

    /// Makes a network with one subnet; gives its id.
    pub fn new_network(&mut self, name: &str, cidr: &str) -> Result<String, Failure> {
        let body = json!({"network": {"name": name}});
        let network = id_of(&self.post("/network/v2.0/networks", &body)?["network"])?;
        let body = json!({"subnet": {"network_id": network, "ip_version": 4, "cidr": cidr}});
        self.post("/network/v2.0/subnets", &body)?;
        Ok(network)
    }

    /// Asks for a server of the smallest flavor.
    pub fn create(&mut self, recipe: &Recipe) -> Result<Asked, Failure> {
        self.create_of(recipe, "c1")
    }

    /// Asks for a server of this flavor.
    pub fn create_of(&mut self, recipe: &Recipe, flavor: &str) -> Result<Asked, Failure> {
        let networks = json!([{"uuid": recipe.network}]);
        let body = json!({"server": {
            "name": "bench", "imageRef": recipe.image, "flavorRef": flavor, "networks": networks,
        }})
        .to_string();
        let (sent_micros, began) = (wall_micros(), Instant::now());
        let answer =
            self.http.send("POST", "/compute/v2.1/servers", &self.token, body.as_bytes())?;
        let answered_ms = began.elapsed().as_secs_f64() * 1000.0;
        if answer.status != 202 {
            return Err(refused("a create", &answer));
        }
        let body: Value = serde_json::from_slice(&answer.body).map_err(Failure::of("a create"))?;
        Ok(Asked { id: id_of(&body["server"])?, sent_micros, answered_ms })
    }

    /// Waits until a server is ACTIVE, looking again after `every`.
    pub fn until_active(&mut self, server: &str, every: Duration) -> Result<(), Failure> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let shown = self.get(&format!("/compute/v2.1/servers/{server}"))?;
            match shown["server"]["status"].as_str() {
                Some("ACTIVE") => return Ok(()),
                Some("ERROR") => {
                    let fault = &shown["server"]["fault"]["message"];
                    return Err(Failure::new(format!("server {server} is in ERROR: {fault}")));
                }
                status if Instant::now() > deadline => {
                    return Err(Failure::new(format!("server {server} is still {status:?}")));
                }
                _ => pause(every),
            }
        }
    }

    /// Deletes a server, and waits until it is gone; gives the time that took, in milliseconds.
    pub fn remove(&mut self, server: &str, every: Duration) -> Result<f64, Failure> {
        let path = format!("/compute/v2.1/servers/{server}");
        let began = Instant::now();
        self.delete(&path)?;
        loop {
            let answer = self.http.send("GET", &path, &self.token, b"")?;
            match answer.status {
                404 => return Ok(began.elapsed().as_secs_f64() * 1000.0),
                200 if began.elapsed() < PATIENCE => pause(every),
                200 => return Err(Failure::new(format!("server {server} is not gone"))),
                _ => return Err(refused("a look at a deleted server", &answer)),
            }
        }
    }

    /// The timeline of a server's creation.
    pub fn timeline(&mut self, server: &str) -> Result<Vec<Step>, Failure> {
        let path = format!("/compute/v2.1/servers/{server}/os-instance-actions");
        let actions = self.get(&path)?;
        let actions = actions["instanceActions"].as_array().into_iter().flatten();
        let create = actions.into_iter().find(|action| action["action"] == "create");
        let request = create.and_then(|action| action["request_id"].as_str());
        let request = request.ok_or_else(|| Failure::new(format!("{server} has no create")))?;
        let action = self.get(&format!("{path}/{request}"))?;
        let events = action["instanceAction"]["events"].as_array().into_iter().flatten();
        Ok(events.filter_map(step).collect())
    }

    /// Bytes of image data that were really copied to make a server's disk.
    pub fn bytes_copied(&mut self, server: &str) -> Result<f64, Failure> {
        let made = self.get(&format!("/compute/v2.1/os-hatchery-provision/{server}"))?;
        let copied = made["provision"]["bytes_copied"].as_f64();
        copied.ok_or_else(|| Failure::new(format!("nobody counted what {server} copied")))
    }

    /// Statements and commits of the cloud's process since its start.
    pub fn figures(&mut self) -> Result<(f64, f64), Failure> {
        let figures = self.get("/compute/v2.1/os-hatchery-figures")?;
        let count = |name: &str| {
            let count = figures["figures"][name].as_f64();
            count.ok_or_else(|| Failure::new(format!("the cloud does not count {name}")))
        };
        Ok((count("sql_statements")?, count("sql_commits")?))
    }
}

/// The step with that name.
pub fn find<'s>(steps: &'s [Step], name: &str) -> Result<&'s Step, Failure> {
    let found = steps.iter().find(|step| step.name == name);
    found.ok_or_else(|| Failure::new(format!("a timeline has no {name}")))
}

fn step(event: &Value) -> Option<Step> {
    let time = |field: &str| event[field].as_str().and_then(micros_of);
    Some(Step {
        name: event["event"].as_str()?.to_owned(),
        start: time("start_time")?,
        end: time("finish_time")?,
    })
}

fn id_of(value: &Value) -> Result<String, Failure> {
    value["id"].as_str().map(str::to_owned).ok_or_else(|| Failure::new("an answer has no id"))
}

fn refused(what: &str, answer: &Answer) -> Failure {
    let body = String::from_utf8_lossy(&answer.body);
    Failure::new(format!("{what} was answered {}: {body}", answer.status))
}
