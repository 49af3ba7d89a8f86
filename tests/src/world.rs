//! One cloud, with a state folder of its own, on a port of its own.

use crate::client::Client;
use crate::files::target_dir;
use crate::openstack::Openstack;
use crate::{Census, eventually};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::json;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

/// Name and password of the user that [`World::add_service_user`] adds.
pub const SERVICE_USER: (&str, &str) = ("keeper", "kept-by-a-test");

/// How a world differs from the default one.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `qemu` or `sim`.
    pub driver: &'static str,
    /// More lines of its group `[DEFAULT]`.
    pub default: String,
    /// More groups of its settings.
    pub toml: String,
    /// `shutdown_timeout`.
    pub grace_seconds: u32,
}

impl Settings {
    /// Without guests: for tests of the APIs.
    pub fn sim() -> Self {
        Self { driver: "sim", default: String::new(), toml: String::new(), grace_seconds: 60 }
    }

    /// With real guests.
    pub fn qemu() -> Self {
        Self { driver: "qemu", default: String::new(), toml: String::new(), grace_seconds: 60 }
    }

    /// The same, and a guest has so many seconds to power off when it is stopped.
    pub fn grace_seconds(self, grace_seconds: u32) -> Self {
        Self { grace_seconds, ..self }
    }
}

/// A running cloud. Dropping it ends its guests and checks that nothing of it is left on the host.
pub struct World {
    dir: TempDir,
    child: Option<Child>,
}

impl World {
    /// Starts one, and waits until it is ready.
    pub fn start(settings: Settings) -> Self {
        Self::start_in(Path::new("/var/tmp"), settings)
    }

    /// The same, with the state folder in this one: on a filesystem that a test has mounted.
    pub fn start_in(folder: &Path, settings: Settings) -> Self {
        let dir = tempfile::Builder::new().prefix("hatchery-").tempdir_in(folder).unwrap();
        open_to_others(dir.path());
        let (a, b) = cidr_of(dir.path());
        let toml = format!(
            "[DEFAULT]\ncompute_driver = \"{}\"\nram_allocation_ratio = 16.0\ncpu_allocation_ratio = 64.0\n\
             disk_allocation_ratio = 64.0\nshutdown_timeout = {}\n{}\n[qemu]\naccel = \"tcg\"\n[first_network]\ncidr = \"10.{a}.{b}.0/24\"\n{}",
            settings.driver, settings.grace_seconds, settings.default, settings.toml
        );
        fs::write(dir.path().join("hatchery.toml"), toml).unwrap();
        let mut world = Self { dir, child: None };
        world.up();
        world
    }

    /// The state folder.
    pub fn state(&self) -> &Path {
        self.dir.path()
    }

    /// The binary under test.
    pub fn binary() -> PathBuf {
        let path = target_dir().join("hatchery");
        assert!(path.exists(), "{} is missing; `cargo build -p hatchery` makes it", path.display());
        path
    }

    /// A call of the binary on this world's state folder.
    pub fn command(&self, subcommand: &str) -> Command {
        let mut command = Command::new(Self::binary());
        command.arg(subcommand).arg("--state").arg(self.state()).env_remove("OS_AUTH_URL");
        command
    }

    /// Starts the cloud on what its state folder holds, and waits until it answers.
    pub fn up(&mut self) {
        self.up_at("127.0.0.1:0");
    }

    /// Starts it on this address.
    pub fn up_at(&mut self, listen: &str) {
        let logged = self.log().len();
        let log = File::options().create(true).append(true).open(self.log_path()).unwrap();
        let child = self
            .command("up")
            .args(["--listen", listen])
            .env("RUST_LOG", "info")
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        self.child = Some(child);
        eventually("the cloud is ready", 60, || {
            let ended = self.child.as_mut().unwrap().try_wait().unwrap();
            assert!(ended.is_none(), "the cloud ended: {}", self.log());
            let log = self.log();
            if log[logged..].contains("ready") { Ok(()) } else { Err(log) }
        });
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// SIGTERM, and waits for the end. Says whether it ended well.
    pub fn stop(&mut self) -> bool {
        let Some(mut child) = self.child.take() else {
            return true;
        };
        kill(Pid::from_raw(child.id() as i32), Signal::SIGTERM).unwrap();
        child.wait().unwrap().success()
    }

    /// Id of the cloud's process.
    pub fn process_id(&self) -> u32 {
        self.child.as_ref().unwrap().id()
    }

    /// What it has logged.
    pub fn log(&self) -> String {
        fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    fn log_path(&self) -> PathBuf {
        self.state().join("up.log")
    }

    fn openrc(&self, name: &str) -> String {
        let text = fs::read_to_string(self.state().join("openrc")).unwrap();
        let prefix = format!("export {name}=");
        text.lines().find_map(|line| line.strip_prefix(&prefix)).unwrap().to_owned()
    }

    /// `http://127.0.0.1:PORT`
    pub fn base(&self) -> String {
        self.openrc("OS_AUTH_URL").trim_end_matches("/identity").to_owned()
    }

    /// A client without a token.
    pub fn anonymous(&self) -> Client {
        Client::new(&self.base())
    }

    /// A client logged in as the administrator.
    pub fn admin(&self) -> Client {
        self.anonymous().log_in("admin", &self.openrc("OS_PASSWORD"), "admin")
    }

    /// Adds a user with the role `admin` in a project `service`, for a service beside this cloud.
    pub fn add_service_user(&self) {
        let admin = self.admin();
        let (name, password) = SERVICE_USER;
        let project = json!({"project": {"name": "service", "domain_id": "default"}});
        admin.post("/identity/v3/projects", &project).expect(201);
        let user = json!({"user": {"name": name, "password": password, "domain_id": "default"}});
        admin.post("/identity/v3/users", &user).expect(201);
        let grant = self.grant(&admin);
        admin.raw("PUT", &grant, b"", "application/json").expect(204);
    }

    /// Takes all tokens of that user back, who can log in again at once.
    pub fn take_tokens_back(&self) {
        let admin = self.admin();
        let grant = self.grant(&admin);
        admin.delete(&grant).expect(204);
        admin.raw("PUT", &grant, b"", "application/json").expect(204);
    }

    fn grant(&self, admin: &Client) -> String {
        let id = |path: &str, list: &str| {
            let found = admin.get(&format!("/identity/v3/{path}")).expect(200);
            found[list][0]["id"].as_str().unwrap().to_owned()
        };
        let user = id(&format!("users?name={}", SERVICE_USER.0), "users");
        let project = id("projects?name=service", "projects");
        let role = id("roles?name=admin", "roles");
        format!("/identity/v3/projects/{project}/users/{user}/roles/{role}")
    }

    /// The real client.
    pub fn openstack(&self) -> Openstack {
        Openstack::new(self.state())
    }

    /// What is on the host.
    pub fn census(&self) -> Census {
        Census::take(self.state(), &self.namespace_prefix())
    }

    /// Begins the names of this world's namespaces.
    pub fn namespace_prefix(&self) -> String {
        let text = fs::read_to_string(self.state().join("namespace-prefix")).unwrap_or_default();
        text.trim().to_owned()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- log of {} ---\n{}", self.state().display(), self.log());
        }
        self.kill();
        let down = self.command("down").arg("--guests").output().unwrap();
        if std::thread::panicking() {
            return;
        }
        assert!(down.status.success(), "{}", String::from_utf8_lossy(&down.stderr));
        let left = self.census();
        assert!(left.processes.is_empty(), "processes are left: {:?}", left.processes);
        assert!(left.namespaces.is_empty(), "namespaces are left: {:?}", left.namespaces);
    }
}

/// The hypervisor's user has to pass through.
fn open_to_others(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(0o711)).unwrap();
}

/// Two octets of a network of its own for each world, since the host takes its gateway's address.
fn cidr_of(path: &Path) -> (u32, u32) {
    let name = path.to_string_lossy();
    let sum =
        name.bytes().fold(7u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(u32::from(byte)));
    (101 + sum % 100, (sum / 100) % 250)
}
