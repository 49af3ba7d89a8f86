//! A cluster in a folder: made, started, stopped, removed. Every call may be repeated, after a kill at any moment too.

use super::daemon::Daemon;
use super::{CephFailure, CephSettings, ObjectStore, POOLS, conf, keys};
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

/// What it is made by.
const PROGRAMS: [&str; 5] = ["ceph-mon", "ceph-mgr", "ceph-osd", "ceph", "rbd"];

/// A command that takes longer hangs, as Ceph's do now and then.
const PATIENCE: Duration = Duration::from_secs(180);

/// See the head of this file.
#[derive(Clone, Debug)]
pub struct CephNode {
    folder: PathBuf,
}

/// A daemon as [`CephNode::daemons`] finds it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DaemonState {
    /// Such as `osd.0`.
    pub name: String,
    /// Its resident memory in MiB; `None` when it does not run.
    pub memory_mib: Option<u64>,
}

impl CephNode {
    /// The cluster of this folder, whether it is there or not.
    pub fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned() }
    }

    /// Programs of Ceph that are not installed.
    pub fn missing() -> Vec<&'static str> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let has =
            |program: &str| std::env::split_paths(&path).any(|dir| dir.join(program).is_file());
        PROGRAMS.into_iter().filter(|program| !has(program)).collect()
    }

    /// Its configuration file.
    pub fn conf(&self) -> PathBuf {
        self.folder.join("ceph.conf")
    }

    /// Folder of the users' keyrings.
    pub fn keys(&self) -> PathBuf {
        self.folder.join("keys")
    }

    /// The key of `client.<user>`.
    pub fn key(&self, user: &str) -> Result<String, CephFailure> {
        keys::read(&self.folder, &format!("client.{user}"))
    }

    /// What it was made with; `None` when there is no cluster.
    pub fn settings(&self) -> Result<Option<CephSettings>, CephFailure> {
        let path = self.folder.join("settings");
        match fs::read_to_string(&path) {
            Ok(text) => CephSettings::read(&text).map(Some),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(CephFailure::at(&path)(error)),
        }
    }

    /// Makes it if it is not there, starts what does not run, and returns when every pool takes writes. The settings count when it is made;
    /// later starts take those that it was made with.
    pub fn up(&self, wanted: &CephSettings) -> Result<CephSettings, CephFailure> {
        let missing = Self::missing();
        if !missing.is_empty() {
            return Err(CephFailure::new(format!(
                "{} cannot be found: install Debian's ceph-mon, ceph-mgr, ceph-osd and ceph-common (scripts/setup test)",
                missing.join(", ")
            )));
        }
        let _turn = self.lock()?;
        let mut settings = self.settings()?;
        if let Some(made) = &settings
            && self.has_lost_its_data(made)
        {
            for daemon in self.all(made) {
                daemon.halt(Duration::from_secs(1));
            }
            settings = None;
        }
        let settings = match settings {
            Some(settings) => settings,
            None => {
                self.create(wanted)?;
                wanted.clone()
            }
        };
        Daemon::new(&self.folder, "mon.a").start()?;
        self.remove_file("clean-stop")?;
        self.tell_the_monitor(&settings)?;
        let daemons = self.all(&settings);
        std::thread::scope(|scope| {
            let starting: Vec<_> =
                daemons.iter().map(|daemon| scope.spawn(|| daemon.start())).collect();
            starting.into_iter().try_for_each(|start| {
                start.join().map_err(|_| CephFailure::new("a thread has died"))?
            })
        })?;
        self.await_pools()?;
        Ok(settings)
    }

    /// Stops all daemons; the data stays.
    pub fn down(&self) -> Result<(), CephFailure> {
        if !self.folder.exists() {
            return Ok(());
        }
        let _turn = self.lock()?;
        let Some(settings) = self.settings()? else { return Ok(()) };
        // OSDs first: each tells the monitor that it leaves.
        for daemon in self.all(&settings).iter().rev() {
            daemon.halt(Duration::from_secs(20));
        }
        let mark = self.folder.join("clean-stop");
        File::create(&mark).map(drop).map_err(CephFailure::at(&mark))
    }

    /// Stops all daemons and removes the folder.
    pub fn wipe(&self) -> Result<(), CephFailure> {
        self.down()?;
        match fs::remove_dir_all(&self.folder) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(CephFailure::at(&self.folder)(error))
            }
            _ => Ok(()),
        }
    }

    /// Its daemons; none when there is no cluster.
    pub fn daemons(&self) -> Result<Vec<DaemonState>, CephFailure> {
        let Some(settings) = self.settings()? else { return Ok(Vec::new()) };
        let state =
            |daemon: Daemon| DaemonState { memory_mib: daemon.memory_mib(), name: daemon.name };
        Ok(self.all(&settings).into_iter().map(state).collect())
    }

    /// `kill -9` of one daemon.
    pub fn kill(&self, name: &str) {
        Daemon::new(&self.folder, name).kill();
    }

    /// Starts one daemon that was killed. What a memstore held is gone then.
    pub fn start_again(&self, name: &str) -> Result<(), CephFailure> {
        Daemon::new(&self.folder, name).start()
    }

    /// Runs one of Ceph's commands on this cluster, as the administrator unless it names another. Gives what it printed.
    pub fn run(&self, program: &str, arguments: &[&str]) -> Result<String, CephFailure> {
        let output = self.command(program, arguments, "")?;
        let (said, error) =
            (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        if output.status.success() {
            return Ok(said.into_owned());
        }
        Err(CephFailure::new(format!("{program} {}: {}", arguments.join(" "), error.trim())))
    }

    fn command(
        &self,
        program: &str,
        arguments: &[&str],
        input: &str,
    ) -> Result<Output, CephFailure> {
        let cannot = |error| CephFailure::new(format!("{program} cannot be run: {error}"));
        let patience = PATIENCE.as_secs().to_string();
        let mut child = Command::new("timeout")
            .args(["--kill-after=5", &patience, program])
            .args(["--conf".as_ref(), self.conf().as_os_str()])
            .args(arguments)
            .env_remove("CEPH_ARGS")
            .env_remove("CEPH_KEYRING")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(cannot)?;
        if let Some(mut stdin) = child.stdin.take() {
            stdin.write_all(input.as_bytes()).map_err(cannot)?;
        }
        child.wait_with_output().map_err(cannot)
    }

    fn all(&self, settings: &CephSettings) -> Vec<Daemon> {
        let mut names = vec!["mon.a".to_owned()];
        names.extend(settings.mgr.then(|| "mgr.x".to_owned()));
        names.extend((0..settings.osds).map(|number| format!("osd.{number}")));
        names.into_iter().map(|name| Daemon::new(&self.folder, name)).collect()
    }

    /// Others wait until the file is dropped.
    fn lock(&self) -> Result<File, CephFailure> {
        fs::create_dir_all(&self.folder).map_err(CephFailure::at(&self.folder))?;
        let path = self.folder.join("lock");
        let file = File::create(&path).map_err(CephFailure::at(&path))?;
        file.lock().map_err(CephFailure::at(&path))?;
        Ok(file)
    }

    /// A memstore that was not stopped in order has nothing left to start from.
    fn has_lost_its_data(&self, settings: &CephSettings) -> bool {
        settings.store == ObjectStore::Memstore
            && !self.folder.join("clean-stop").exists()
            && self
                .all(settings)
                .iter()
                .any(|daemon| daemon.name.starts_with("osd.") && daemon.pid().is_none())
    }

    fn remove_file(&self, name: &str) -> Result<(), CephFailure> {
        let path = self.folder.join(name);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(CephFailure::at(&path)(error))
            }
            _ => Ok(()),
        }
    }

    /// Makes stores and keys. What a creation that was cut off has left goes first; the settings are written last, and say that it was
    /// complete.
    fn create(&self, settings: &CephSettings) -> Result<(), CephFailure> {
        for entry in fs::read_dir(&self.folder).map_err(CephFailure::at(&self.folder))? {
            let path = entry.map_err(CephFailure::at(&self.folder))?.path();
            let removed = match path.file_name().is_some_and(|name| name == "lock") {
                true => Ok(()),
                false if path.is_dir() => fs::remove_dir_all(&path),
                false => fs::remove_file(&path),
            };
            removed.map_err(CephFailure::at(&path))?;
        }
        let mut folders: Vec<String> =
            ["mon.a", "mgr.x", "keys", "run", "log", "crash"].map(str::to_owned).into();
        folders.extend((0..settings.osds).map(|number| format!("osd.{number}")));
        for name in folders {
            let path = self.folder.join(name);
            fs::create_dir(&path).map_err(CephFailure::at(&path))?;
        }
        let fsid = new_uuid()?;
        self.write("ceph.conf", &conf::text(&self.folder, &fsid, settings))?;
        let all_keys = self.folder.join("keys/all");
        keys::make(&self.folder, settings.osds, &all_keys)?;
        let mut commands = String::new();
        let mut making = vec![Command::new("ceph-mon")];
        making[0].args(["-i", "a", "--mkfs", "--keyring"]).arg(&all_keys);
        for number in 0..settings.osds {
            let uuid = new_uuid()?;
            commands.push_str(&format!("osd new {uuid} {number}\n"));
            let mut osd = Command::new("ceph-osd");
            // It asks no monitor, so that it is made at the same time.
            osd.args(["--mkfs", "--no-mon-config", "-i", &number.to_string(), "--osd-uuid", &uuid]);
            making.push(osd);
        }
        self.make_stores(making)?;
        fs::remove_file(&all_keys).map_err(CephFailure::at(&all_keys))?;
        commands.push_str(&first_commands());
        self.write("commands", &commands)?;
        self.write("settings", &settings.text())
    }

    fn make_stores(&self, making: Vec<Command>) -> Result<(), CephFailure> {
        let mut children = Vec::new();
        for mut command in making {
            let name = command.get_program().to_string_lossy().into_owned();
            command.arg("-c").arg(self.conf()).env_remove("CEPH_ARGS");
            command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
            let child = command.spawn();
            let child =
                child.map_err(|e| CephFailure::new(format!("{name} cannot be run: {e}")))?;
            children.push((name, child));
        }
        for (name, child) in children {
            let output = child.wait_with_output();
            let output = output.map_err(|e| CephFailure::new(format!("{name}: {e}")))?;
            if !output.status.success() {
                let said = String::from_utf8_lossy(&output.stderr);
                return Err(CephFailure::new(format!("{name} --mkfs: {}", said.trim())));
            }
        }
        Ok(())
    }

    fn write(&self, name: &str, text: &str) -> Result<(), CephFailure> {
        let path = self.folder.join(name);
        fs::write(&path, text).map_err(CephFailure::at(&path))
    }

    /// Registers the OSDs and makes the pools: in one process of `ceph`, as each takes a quarter of a second.
    fn tell_the_monitor(&self, settings: &CephSettings) -> Result<(), CephFailure> {
        let mark = self.folder.join("told");
        if mark.exists() {
            return Ok(());
        }
        let path = self.folder.join("commands");
        let commands = fs::read_to_string(&path).map_err(CephFailure::at(&path))?;
        self.command("ceph", &["--connect-timeout", "60"], &commands)?;
        // It goes on after a command that failed, and ends well.
        let made = self.run("ceph", &["--connect-timeout", "60", "osd", "dump"])?;
        let has_osds = (0..settings.osds).all(|n| made.contains(&format!("\nosd.{n} ")));
        let has_pools = POOLS.iter().all(|pool| {
            made.lines().any(|l| l.contains(&format!("'{pool}'")) && l.contains("application rbd"))
        });
        if !has_osds || !has_pools {
            return Err(CephFailure::new(format!("the monitor has not done it all: {made}")));
        }
        File::create(&mark).map(drop).map_err(CephFailure::at(&mark))
    }

    /// Each pool is made RBD's, which waits until an OSD serves it.
    fn await_pools(&self) -> Result<(), CephFailure> {
        std::thread::scope(|scope| {
            let waiting: Vec<_> = POOLS
                .iter()
                .map(|pool| scope.spawn(move || self.run("rbd", &["pool", "init", pool])))
                .collect();
            waiting.into_iter().try_for_each(|pool| {
                pool.join().map_err(|_| CephFailure::new("a thread has died"))?.map(drop)
            })
        })
    }
}

/// What a new monitor is told. Clients of mimic or later: their clones (v2) need no protected snapshot.
fn first_commands() -> String {
    let mut commands = String::from(
        "osd set-require-min-compat-client mimic\nhealth mute MGR_MODULE_ERROR --sticky\n",
    );
    for pool in POOLS {
        commands.push_str(&format!("osd pool create {pool} 8\n"));
        commands.push_str(&format!("osd pool application enable {pool} rbd\n"));
    }
    commands
}

fn new_uuid() -> Result<String, CephFailure> {
    let path = Path::new("/proc/sys/kernel/random/uuid");
    let text = fs::read_to_string(path).map_err(CephFailure::at(path))?;
    Ok(text.trim().to_owned())
}
