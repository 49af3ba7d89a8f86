//! The real Glance, from PyPI, on loopback: a file store and a database of its own, and a hatchery as its Keystone.

use crate::client::{Answer, Client};
use crate::world::World;
use crate::{SERVICE_USER, eventually};
use serde_json::{Value, json};
use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use tempfile::TempDir;

/// Glance's application under the server of Python's library, with a thread for each connection: Glance 33 brings no server along.
const SERVE: &str = r#"
import sys
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server
from glance.wsgi.api import application

class Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True
    request_queue_size = 256

make_server("127.0.0.1", int(sys.argv[1]), application, Server, WSGIRequestHandler).serve_forever()
"#;

/// A running Glance with a pool's folders around its store: `images`, and beside it whatever a test makes.
pub struct Glance {
    dir: TempDir,
    port: u16,
    process: Option<Child>,
}

impl Glance {
    /// Starts one that has its tokens checked by this world, where [`World::add_service_user`] was called. Notifications go to a RabbitMQ
    /// if one is given.
    pub fn start(world: &World, transport_url: Option<&str>) -> Self {
        let dir =
            tempfile::Builder::new().prefix("hatchery-glance-").tempdir_in("/var/tmp").unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut glance = Self { dir, port, process: None };
        for folder in ["images", "staging", "tasks"] {
            fs::create_dir(glance.path(folder)).unwrap();
        }
        fs::copy(database(), glance.path("glance.sqlite")).unwrap();
        fs::write(glance.path("serve.py"), SERVE).unwrap();
        fs::write(glance.path("glance-api.conf"), glance.settings(world, transport_url)).unwrap();
        glance.run();
        glance
    }

    fn settings(&self, world: &World, transport_url: Option<&str>) -> String {
        let at = |name: &str| self.path(name).display().to_string();
        let notifications = match transport_url {
            Some(url) => format!(
                "[DEFAULT]\ntransport_url = {url}\n[oslo_messaging_notifications]\ndriver = messagingv2\n"
            ),
            None => "[oslo_messaging_notifications]\ndriver = noop\n".to_owned(),
        };
        let (user, password) = SERVICE_USER;
        format!(
            "[DEFAULT]\nenabled_backends = file:file\nlog_file = {log}\n\
             worker_self_reference_url = {base}\nnode_staging_uri = file://{staging}\n\
             [glance_store]\ndefault_backend = file\n\
             [file]\nfilesystem_store_datadir = {images}\n\
             [os_glance_staging_store]\nfilesystem_store_datadir = {staging}\n\
             [os_glance_tasks_store]\nfilesystem_store_datadir = {tasks}\n\
             [database]\nconnection = sqlite:///{database}\n\
             [paste_deploy]\nflavor = keystone\nconfig_file = {paste}\n\
             [keystone_authtoken]\nauth_type = password\nauth_url = {keystone}\n\
             www_authenticate_uri = {keystone}\nusername = {user}\npassword = {password}\n\
             project_name = service\nuser_domain_name = Default\nproject_domain_name = Default\n\
             # A token that is taken back is refused at once.\ntoken_cache_time = -1\n{notifications}",
            log = at("glance.log"),
            base = self.base(),
            staging = at("staging"),
            images = at("images"),
            tasks = at("tasks"),
            database = at("glance.sqlite"),
            paste = venv("etc/glance/glance-api-paste.ini").display(),
            keystone = format!("{}/identity", world.base()),
        )
    }

    /// Starts it, after [`Self::kill`], on what its folders hold.
    pub fn run(&mut self) {
        let log = File::options().create(true).append(true).open(self.path("serve.log")).unwrap();
        let process = Command::new("setpriv")
            .args(["--pdeathsig=KILL", "--"])
            .arg(venv("bin/python"))
            .arg(self.path("serve.py"))
            .arg(self.port.to_string())
            .env("OS_GLANCE_CONFIG_DIR", self.dir.path())
            .env("OS_GLANCE_CONFIG_FILES", "glance-api.conf")
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        self.process = Some(process);
        eventually("Glance answers", 60, || {
            let ended = self.process.as_mut().unwrap().try_wait().unwrap();
            assert!(ended.is_none(), "Glance ended: {}", self.log());
            TcpStream::connect(("127.0.0.1", self.port))
                .map(drop)
                .map_err(|error| error.to_string())
        });
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _ = process.kill();
            let _ = process.wait();
        }
    }

    /// Its address.
    pub fn base(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// A path in the folder that its store is in.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// What it has logged.
    pub fn log(&self) -> String {
        ["serve.log", "glance.log"]
            .map(|name| fs::read_to_string(self.path(name)).unwrap_or_default())
            .join("\n")
    }

    /// A client with the token of one that is logged in to the world.
    pub fn client(&self, logged_in: &Client) -> Client {
        Client::new(&self.base()).with_token(logged_in.token())
    }

    /// A new image without bytes.
    pub fn create(&self, client: &Client, more: Value) -> String {
        let mut body = json!({"name": "i", "disk_format": "raw", "container_format": "bare"});
        body.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap_or_default());
        client.post("/v2/images", &body).expect(201)["id"].as_str().unwrap().to_owned()
    }

    /// An active image with these bytes.
    pub fn upload(&self, client: &Client, bytes: &[u8]) -> String {
        let image = self.create(client, json!({}));
        self.put(client, &image, bytes).expect(204);
        image
    }

    /// Bytes for an image.
    pub fn put(&self, client: &Client, image: &str, bytes: &[u8]) -> Answer {
        client.raw("PUT", &format!("/v2/images/{image}/file"), bytes, "application/octet-stream")
    }

    /// Begins an upload of `length` bytes, and sends these only.
    pub fn begin_upload(
        &self,
        client: &Client,
        image: &str,
        length: usize,
        first: &[u8],
    ) -> HeldUpload {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        write!(
            stream,
            "PUT /v2/images/{image}/file HTTP/1.1\r\nHost: glance\r\nX-Auth-Token: {}\r\n\
             Content-Type: application/octet-stream\r\nContent-Length: {length}\r\n\r\n",
            client.token()
        )
        .unwrap();
        stream.write_all(first).unwrap();
        HeldUpload(stream)
    }

    /// An image's status.
    pub fn status(&self, client: &Client, image: &str) -> String {
        let shown = client.get(&format!("/v2/images/{image}")).expect(200);
        shown["status"].as_str().unwrap().to_owned()
    }
}

impl Drop for Glance {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- log of Glance ---\n{}", self.log());
        }
        self.kill();
    }
}

/// An upload that is under way. Dropping it breaks it off.
pub struct HeldUpload(TcpStream);

impl HeldUpload {
    /// Sends more bytes.
    pub fn send(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).unwrap();
    }

    /// Waits for the answer to the last byte: its first line.
    pub fn finish(mut self) -> String {
        let mut answer = String::new();
        self.0.read_to_string(&mut answer).unwrap();
        answer.lines().next().unwrap_or_default().to_owned()
    }
}

/// An empty database, made once for all tests of this process: it takes ten seconds.
fn database() -> &'static Path {
    static MADE: OnceLock<(TempDir, PathBuf)> = OnceLock::new();
    let (_, path) = MADE.get_or_init(|| {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("glance.sqlite");
        let settings = format!("[database]\nconnection = sqlite:///{}\n", path.display());
        fs::write(dir.path().join("glance-api.conf"), settings).unwrap();
        let made = Command::new(venv("bin/glance-manage"))
            .arg("--config-file")
            .arg(dir.path().join("glance-api.conf"))
            .arg("db_sync")
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        (dir, path)
    });
    path
}

/// A path in the environment that `make test` has installed Glance into.
fn venv(name: &str) -> PathBuf {
    let checkout = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let path = checkout.join(".venv-glance").join(name);
    assert!(path.exists(), "{} is missing; `make test` installs it", path.display());
    path
}
