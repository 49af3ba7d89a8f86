//! A cloud to measure: the real binary on a state folder of its own, ended with its guests when it is dropped.

use std::fs::{self, DirBuilder, File};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::client::Client;
use super::http::Http;
use super::process::pause;
use crate::failure::{Failure, output_of};

/// How long a cloud may take to answer.
const PATIENCE: Duration = Duration::from_secs(60);
/// Tells state folders of one run apart.
static COUNT: AtomicU32 = AtomicU32::new(0);

/// A cloud on a state folder.
pub struct Cloud {
    binary: PathBuf,
    state: PathBuf,
    address: SocketAddr,
    child: Option<Child>,
}

impl Cloud {
    /// A state folder for this driver; nothing runs yet.
    pub fn prepare(binary: &Path, driver: &str) -> Result<Self, Failure> {
        Self::prepare_with(binary, driver, "")
    }

    fn prepare_with(binary: &Path, driver: &str, more: &str) -> Result<Self, Failure> {
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let state =
            PathBuf::from(format!("/var/tmp/hatchery-bench-{}-{number}", std::process::id()));
        // The hypervisor's user has to pass through.
        DirBuilder::new().mode(0o711).create(&state).map_err(Failure::at(&state))?;
        let cloud =
            Self { binary: binary.to_owned(), state, address: free_address()?, child: None };
        let third = 128 + (std::process::id() % 8) * 16;
        let settings = format!(
            "[DEFAULT]\ncompute_driver = \"{driver}\"\nram_allocation_ratio = 16.0\n\
             cpu_allocation_ratio = 64.0\ndisk_allocation_ratio = 64.0\nshutdown_timeout = 1\n[qemu]\naccel = \"tcg\"\n\
             [first_network]\ncidr = \"10.{}.{third}.0/20\"\n{more}",
            230 + number % 20
        );
        let file = cloud.state.join("hatchery.toml");
        fs::write(&file, settings).map_err(Failure::at(&file))?;
        Ok(cloud)
    }

    /// A running cloud whose host is there to be scheduled to.
    pub fn start(binary: &Path, driver: &str) -> Result<Self, Failure> {
        Self::start_with(binary, driver, "")
    }

    /// The same with more lines in its settings' file.
    pub fn start_with(binary: &Path, driver: &str, more: &str) -> Result<Self, Failure> {
        let mut cloud = Self::prepare_with(binary, driver, more)?;
        cloud.up()?;
        let mut client = cloud.client()?;
        let deadline = Instant::now() + PATIENCE;
        loop {
            let hosts = client.get("/compute/v2.1/os-hypervisors")?;
            if hosts["hypervisors"].as_array().is_some_and(|hosts| !hosts.is_empty()) {
                return Ok(cloud);
            }
            if Instant::now() > deadline {
                return Err(cloud.complaint("its host never reported"));
            }
            pause(Duration::from_millis(20));
        }
    }

    /// Starts the process; gives the time from its start to the first 200.
    pub fn up(&mut self) -> Result<Duration, Failure> {
        let log = self.log()?;
        let mut command = Command::new(&self.binary);
        command.arg("up").arg("--state").arg(&self.state);
        command.args(["--listen", &self.address.to_string()]).env("RUST_LOG", "warn");
        command.stdin(Stdio::null()).stdout(log.try_clone().map_err(Failure::of("the log"))?);
        command.stderr(log);
        let began = Instant::now();
        let name = self.binary.display().to_string();
        self.child = Some(command.spawn().map_err(Failure::of(format!("cannot start {name}")))?);
        loop {
            let answer = Http::connect(self.address)
                .and_then(|mut http| http.send("GET", "/identity/v3", "", b""));
            if answer.is_ok_and(|answer| answer.status == 200) {
                return Ok(began.elapsed());
            }
            let ended = self.child.as_mut().and_then(|child| child.try_wait().ok().flatten());
            if ended.is_some() || began.elapsed() > PATIENCE {
                return Err(self.complaint("the cloud does not answer"));
            }
            pause(Duration::from_micros(500));
        }
    }

    fn log(&self) -> Result<File, Failure> {
        let path = self.state.join("up.log");
        File::options().create(true).append(true).open(&path).map_err(Failure::at(&path))
    }

    fn complaint(&self, what: &str) -> Failure {
        let log = fs::read_to_string(self.state.join("up.log")).unwrap_or_default();
        Failure::new(format!("{what}; its log: {log}"))
    }

    /// Ends the process; guests go on.
    pub fn down(&mut self) -> Result<(), Failure> {
        let Some(mut child) = self.child.take() else { return Ok(()) };
        let asked = pid_of(child.id()).map(|pid| kill_process(pid, Signal::TERM));
        if !matches!(asked, Some(Ok(()))) {
            child.kill().map_err(Failure::of("the cloud's process"))?;
        }
        child.wait().map(drop).map_err(Failure::of("the cloud's process"))
    }

    /// A logged-in administrator.
    pub fn client(&self) -> Result<Client, Failure> {
        Client::log_in(self.address, &self.password()?)
    }

    /// The administrator's password.
    pub fn password(&self) -> Result<String, Failure> {
        let path = self.state.join("admin-password");
        fs::read_to_string(&path).map(|text| text.trim().to_owned()).map_err(Failure::at(&path))
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn state(&self) -> &Path {
        &self.state
    }

    /// Id of the cloud's process.
    pub fn process(&self) -> Result<u32, Failure> {
        let child = self.child.as_ref().ok_or_else(|| Failure::new("the cloud does not run"))?;
        Ok(child.id())
    }
}

impl Drop for Cloud {
    fn drop(&mut self) {
        let stopped = self.down().and_then(|()| {
            let mut command = Command::new(&self.binary);
            command.arg("down").arg("--state").arg(&self.state).arg("--guests");
            output_of(&mut command)
        });
        match stopped {
            // Nothing of it is on the host any more but the folder.
            Ok(_) => drop(fs::remove_dir_all(&self.state)),
            Err(failure) => eprintln!("{} is left: {failure}", self.state.display()),
        }
    }
}

/// A process id as the kernel's calls want it.
pub fn pid_of(process: u32) -> Option<Pid> {
    Pid::from_raw(i32::try_from(process).ok()?)
}

/// An address where nothing listens yet.
fn free_address() -> Result<SocketAddr, Failure> {
    let listener = TcpListener::bind("127.0.0.1:0").map_err(Failure::of("a free port"))?;
    listener.local_addr().map_err(Failure::of("a free port"))
}
