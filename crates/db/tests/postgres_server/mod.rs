//! A PostgreSQL server of a test's own: a data folder and a socket in a temporary folder, no network.

use std::fs;
use std::io::Write;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// A running server; ends when it is dropped.
pub struct PostgresServer {
    folder: TempDir,
    programs: PathBuf,
    account: Account,
    process: Option<Child>,
}

/// Whom the server runs as: it refuses to run as root.
struct Account {
    uid: u32,
    gid: u32,
}

impl PostgresServer {
    /// Starts one. `None`, and a line on standard error, if it is not installed here.
    pub fn start(test: &str) -> Option<Self> {
        let found = newest_programs().ok_or("no initdb below /usr/lib/postgresql".to_owned());
        let (programs, account) = match found.and_then(|programs| Ok((programs, account()?))) {
            Ok(found) => found,
            Err(why) => {
                // Not by eprintln!, which the test harness keeps to itself when a test passes.
                let line = format!("SKIPPED: {test}: {why}; install Debian's package postgresql\n");
                std::io::stderr().write_all(line.as_bytes()).unwrap();
                return None;
            }
        };
        let folder = tempfile::Builder::new().prefix("hatchery-pg-").tempdir_in("/tmp").unwrap();
        chown(folder.path(), Some(account.uid), Some(account.gid)).unwrap();
        let mut server = Self { folder, programs, account, process: None };
        let made = server
            .command("initdb")
            .args(["--username=hatchery", "--auth=trust", "--encoding=UTF8"])
            .args(["--locale=C.UTF-8", "--no-sync", "-D"])
            .arg(server.data())
            .stdout(Stdio::null())
            .status()
            .unwrap();
        assert!(made.success(), "initdb: {made}");
        server.run();
        Some(server)
    }

    /// The address of its database, over its socket.
    pub fn url(&self) -> String {
        let socket = self.folder.path().display().to_string();
        format!("postgres://hatchery@localhost/postgres?host={}", socket.replace('/', "%2F"))
    }

    /// Ends it, breaking every connection off, and starts it again.
    pub fn restart(&mut self) {
        self.stop();
        self.run();
    }

    fn run(&mut self) {
        let log = fs::File::create(self.folder.path().join("log")).unwrap();
        let process = self
            .command("postgres")
            .arg("-D")
            .arg(self.data())
            .arg("-k")
            .arg(self.folder.path())
            .args(["-c", "listen_addresses=", "-c", "fsync=off"])
            .args(["-c", "shared_buffers=16MB", "-c", "max_connections=30"])
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        self.process = Some(process);
        let begun = Instant::now();
        while !self.answers() {
            let ended = self.process.as_mut().unwrap().try_wait().unwrap();
            assert!(
                ended.is_none() && begun.elapsed() < Duration::from_secs(30),
                "PostgreSQL does not start: {}",
                fs::read_to_string(self.folder.path().join("log")).unwrap()
            );
        }
    }

    fn answers(&self) -> bool {
        // Waits for a second at the most.
        let asked = Command::new(self.programs.join("pg_isready"))
            .args(["--quiet", "--timeout=1", "-h"])
            .arg(self.folder.path())
            .status();
        asked.unwrap().success()
    }

    fn stop(&mut self) {
        let Some(mut process) = self.process.take() else {
            return;
        };
        let asked = Command::new("kill").args(["-INT", &process.id().to_string()]).status();
        if !asked.is_ok_and(|status| status.success()) {
            let _ = process.kill();
        }
        let _ = process.wait();
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// A program of the server, under its account; it ends with this process.
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new("setpriv");
        command
            .arg(format!("--reuid={}", self.account.uid))
            .arg(format!("--regid={}", self.account.gid))
            .args(["--clear-groups", "--pdeathsig=INT", "--"])
            .arg(self.programs.join(program))
            .current_dir("/");
        command
    }
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        self.stop();
    }
}

fn newest_programs() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").ok()?;
    versions
        .filter_map(|version| {
            let version = version.ok()?;
            let number: u32 = version.file_name().to_str()?.parse().ok()?;
            let programs = version.path().join("bin");
            programs.join("initdb").exists().then_some((number, programs))
        })
        .max()
        .map(|(_, programs)| programs)
}

/// The account `postgres`, if this is root.
fn account() -> Result<Account, String> {
    let users = fs::read_to_string(Path::new("/etc/passwd")).map_err(|error| error.to_string())?;
    let line = users
        .lines()
        .find(|line| line.starts_with("postgres:"))
        .ok_or("there is no account postgres")?;
    let mut ids = line.split(':').skip(2).map_while(|id| id.parse().ok());
    match (ids.next(), ids.next()) {
        (Some(uid), Some(gid)) => Ok(Account { uid, gid }),
        _ => Err("the account postgres has no ids".to_owned()),
    }
}
