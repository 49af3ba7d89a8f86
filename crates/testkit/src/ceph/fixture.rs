//! A cluster of a test program's own.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a fixture fails by panicking")]

use super::{CephNode, CephSettings, ObjectStore};
use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

/// Ends the daemons and removes the folder when its standard input closes: when the fixture is dropped, and also when the test program is
/// killed.
const WATCHER: &str = r#"
cat >/dev/null
for file in "$1"/run/*.pid; do
    pid=$(cat "$file") && grep -qaF -- "$1/ceph.conf" "/proc/$pid/cmdline" && kill -9 "$pid"
done 2>/dev/null
rm -rf "$1"
"#;

/// A running cluster in a temporary folder, objects in memory; ends when it is dropped, or with the process.
pub struct CephCluster {
    node: CephNode,
    folder: PathBuf,
    address: Ipv4Addr,
    watcher: Child,
}

impl CephCluster {
    /// Starts one. `None`, and a line on standard error, if Ceph is not installed here.
    pub fn start(test: &str) -> Option<Self> {
        Self::start_with(test, |_| {})
    }

    /// As [`Self::start`], with other settings.
    pub fn start_with(test: &str, change: impl FnOnce(&mut CephSettings)) -> Option<Self> {
        let missing = CephNode::missing();
        if !missing.is_empty() {
            // Not by eprintln!, which the test harness keeps to itself when a test passes.
            let line =
                format!("SKIPPED: {test}: no {}; run scripts/setup test\n", missing.join(", "));
            std::io::stderr().write_all(line.as_bytes()).unwrap();
            return None;
        }
        let folder = tempfile::Builder::new().prefix("hatchery-ceph-").tempdir_in("/tmp").unwrap();
        // The watcher removes it.
        let folder = folder.keep();
        let mut settings = CephSettings {
            address: free_address(),
            osds: 1,
            store: ObjectStore::Memstore,
            size_gib: 8,
            mgr: true,
        };
        change(&mut settings);
        let watcher = Command::new("sh")
            .args(["-c", WATCHER, "sh"])
            .arg(&folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // A signal from the terminal does not reach it.
            .process_group(0)
            .spawn()
            .unwrap();
        let node = CephNode::new(&folder);
        let cluster = Self { node, folder, address: settings.address, watcher };
        if let Err(failure) = cluster.node.up(&settings) {
            panic!("{failure}");
        }
        Some(cluster)
    }

    /// The one cluster that the tests of a program share. Each uses names of its own.
    pub fn shared(test: &str) -> Option<&'static Self> {
        static SHARED: OnceLock<Option<CephCluster>> = OnceLock::new();
        SHARED.get_or_init(|| Self::start(test)).as_ref()
    }

    /// Its daemons and files.
    pub const fn node(&self) -> &CephNode {
        &self.node
    }

    /// Its configuration file, which names the keyring of each user.
    pub fn conf(&self) -> PathBuf {
        self.node.conf()
    }

    /// A file of the fixture's folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// The monitor, as `host:port`.
    pub fn monitor(&self) -> String {
        format!("{}:3300", self.address)
    }

    /// The cluster's id.
    pub fn fsid(&self) -> String {
        let text = fs::read_to_string(self.conf()).unwrap();
        text.lines().find_map(|line| line.strip_prefix("fsid = ")).unwrap().to_owned()
    }

    /// The key of `client.<user>`.
    pub fn key(&self, user: &str) -> String {
        self.node.key(user).unwrap()
    }

    /// What `ceph` prints, run by the administrator.
    pub fn ceph(&self, arguments: &[&str]) -> String {
        self.run("ceph", arguments)
    }

    /// What `rbd` prints, run by the administrator unless `--id` is given.
    pub fn rbd(&self, arguments: &[&str]) -> String {
        self.run("rbd", arguments)
    }

    /// What `rados` prints, run by the administrator.
    pub fn rados(&self, arguments: &[&str]) -> String {
        self.run("rados", arguments)
    }

    fn run(&self, program: &str, arguments: &[&str]) -> String {
        match self.node.run(program, arguments) {
            Ok(said) => said,
            Err(failure) => panic!("{failure}"),
        }
    }
}

impl Drop for CephCluster {
    fn drop(&mut self) {
        drop(self.watcher.stdin.take());
        let _ = self.watcher.wait();
    }
}

/// A loopback address on which nobody has Ceph's ports.
fn free_address() -> Ipv4Addr {
    let mut random = File::open(Path::new("/dev/urandom")).unwrap();
    loop {
        let mut bytes = [0; 3];
        random.read_exact(&mut bytes).unwrap();
        let [a, b, c] = bytes;
        let address = Ipv4Addr::new(127, 64 + a % 64, b, c.clamp(1, 254));
        if [3300, 6789].iter().all(|port| TcpListener::bind((address, *port)).is_ok()) {
            return address;
        }
    }
}
